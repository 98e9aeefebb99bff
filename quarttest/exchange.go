package quarttest

import (
	"fmt"
	"io"
)

// exchange is a request that was sent and whose answer is awaited: a connection of HTTP/1.1, a stream of HTTP/2.
type exchange interface {
	// readFinal reads the head of the final response, and what informational ones come before it.
	readFinal() (*Response, error)
	// body returns a reader of resp's body as it arrives. It ends with io.EOF where the body does, and with another error where the body
	// is cut or malformed. The trailer is there with the io.EOF.
	body(method string, resp *Response) (io.Reader, error)
	// complete ends an exchange whose response was read.
	complete(resp *Response) error
	// patient takes the deadline away that every exchange begins with.
	patient()
	// leave gives up. It may be called more than once, by any goroutine, and after the end.
	leave()
}

// receive reads the response to a request and ends the exchange.
func receive(x exchange, method string) (*Response, error) {
	resp, err := x.readFinal()
	if err == nil {
		err = readBody(x, method, resp)
	}
	if err == nil {
		err = x.complete(resp)
	}
	if err != nil {
		x.leave()
	}
	return resp, err
}

func readBody(x exchange, method string, resp *Response) error {
	body, err := x.body(method, resp)
	if err == nil {
		resp.body, err = io.ReadAll(io.LimitReader(body, maxBody+1))
	}
	if err == nil && len(resp.body) > maxBody {
		err = fmt.Errorf("over %d bytes", maxBody)
	}
	if err != nil {
		return fmt.Errorf("response %d: body: %w", resp.Status, err)
	}
	return nil
}
