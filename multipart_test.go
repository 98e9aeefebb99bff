package quart_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"os"
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

func partsApp(cfg quart.Config) (app *quart.App, ends chan error) {
	app, _ = newApp(cfg)
	ends = make(chan error, 100)
	list := func(c *quart.Ctx) error {
		var out strings.Builder
		for p, err := range c.Parts() {
			if err != nil {
				ends <- err
				return err
			}
			n, err := io.Copy(io.Discard, p)
			if err != nil {
				ends <- err
				return err
			}
			fmt.Fprintf(&out, "%s|%s|%s|%d\n", p.Name, p.FileName, p.ContentType, n)
		}
		return c.Text(200, out.String())
	}
	app.Post("/list", list)
	app.Post("/large", list).BodyLimit(8 << 20)
	app.Post("/skip", func(c *quart.Ctx) error {
		var names strings.Builder
		for p, err := range c.Parts() {
			if err != nil {
				return err
			}
			names.WriteString(p.Name)
		}
		return c.Text(200, names.String())
	}).BodyLimit(8 << 20)
	app.Post("/first", func(c *quart.Ctx) error {
		var first *quart.Part
		for p, err := range c.Parts() {
			if err != nil {
				return err
			}
			first = p
			break
		}
		if _, err := first.Read(make([]byte, 1)); err == nil || err == io.EOF {
			return fmt.Errorf("after the loop: %v", err)
		}
		return c.Text(200, first.Name)
	})
	app.Post("/stale", func(c *quart.Ctx) error {
		var last *quart.Part
		for p, err := range c.Parts() {
			if err != nil {
				return err
			}
			if last != nil {
				if n, err := last.Read(make([]byte, 1)); n > 0 || err == nil || err == io.EOF {
					return fmt.Errorf("%d, %w", n, err)
				}
			}
			last = p
		}
		return c.Text(200, "stale")
	})
	return app, ends
}

func ExampleCtx_Parts() {
	app := quart.New(quart.Config{})
	app.Post("/upload", func(c *quart.Ctx) error {
		var sizes []string
		for p, err := range c.Parts() {
			if err != nil {
				return err
			}
			n, err := io.Copy(io.Discard, p) // to a store, say
			if err != nil {
				return err
			}
			sizes = append(sizes, fmt.Sprintf("%s %q %d", p.Name, p.FileName, n))
		}
		return c.JSON(200, sizes)
	}).BodyLimit(10 << 30).BodyTimeout(-1) // as long as bytes come

	var ctx fasthttp.RequestCtx
	ctx.Request.Header.SetMethod("POST")
	ctx.Request.SetRequestURI("/upload")
	ctx.Request.Header.SetContentType("multipart/form-data; boundary=B")
	ctx.Request.SetBodyString("--B\r\nContent-Disposition: form-data; name=title\r\n\r\nAlien\r\n" +
		"--B\r\nContent-Disposition: form-data; name=film; filename=\"../alien.mkv\"\r\n\r\nabc\r\n--B--\r\n")
	app.Handler()(&ctx)
	fmt.Println(string(ctx.Response.Body()))
	// Output: ["title \"\" 5","film \"alien.mkv\" 3"]
}

const part = "--B\r\nContent-Disposition: form-data; "

// postParts posts a body whose parts have the boundary B.
func (s *served) postParts(path, body string, header ...string) *answer {
	s.t.Helper()
	return s.do("POST", path, body, append(header, "Content-Type: multipart/form-data; boundary=B")...)
}

func TestParts(t *testing.T) {
	app, _ := partsApp(quart.Config{})
	s := serve(t, app)
	large := strings.Repeat("x", 2<<20)
	body := part + "name=a\r\n\r\n1\r\n" +
		part + "name=\"b c\"; filename=\"x.bin\"\r\nContent-Type: image/png\r\n\r\n" + large + "\r\n" +
		part + "name=d\r\n\r\n\r\n--B--\r\nepilogue"
	want := "a|||1\nb c|x.bin|image/png|2097152\nd|||0\n"
	s.postParts("/large", body).want(t, 200, want)
	s.postParts("/large", "preamble\r\n"+body).want(t, 200, want)
	s.raw("POST", "POST /large HTTP/1.1\r\nHost: x\r\nContent-Type: Multipart/Form-Data; Boundary=\"B\"\r\nTransfer-Encoding: chunked\r\n\r\n"+
		fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)).want(t, 200, want)
	s.postParts("/skip", body).want(t, 200, "ab cd")
	s.postParts("/first", part+"name=a\r\n\r\n1\r\n--B--").want(t, 200, "a")
	s.postParts("/stale", part+"name=a\r\n\r\n1\r\n"+part+"name=b\r\n\r\n2\r\n--B--\r\n").want(t, 200, "stale")
	s.postParts("/list", "--B--\r\n").want(t, 200, "")

	nc := s.dial() // the epilogue is no next request
	br := newReader(nc)
	for range 2 {
		body := part + "name=a\r\n\r\n1\r\n--B--\r\nGET /secret HTTP/1.1\r\n\r\n"
		send(t, nc, "POST /list HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: "+itoa(len(body))+"\r\n\r\n"+body)
		readAnswer(t, br, "POST").want(t, 200, "a|||1\n")
	}
}

func TestPartsNames(t *testing.T) {
	app, _ := partsApp(quart.Config{})
	s := serve(t, app)
	for disposition, want := range map[string]string{
		`name=f; filename="a.txt"`:                             "f|a.txt",
		`name=f; filename="naïve.txt"`:                         "f|naïve.txt",
		`name=f; filename*=UTF-8''na%C3%AFve.txt`:              "f|naïve.txt",
		`name=f; filename="x"; filename*=UTF-8''%e2%82%ac`:     "f|€",
		`name=f; filename=""`:                                  "f|",
		`name=f; filename="../../etc/passwd"`:                  "f|passwd",
		`name=f; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd`:      "f|passwd",
		`name=f; filename*=UTF-8''..%5C..%5Cboot.ini%00%0d%0a`: "f|boot.ini",
		`name=f; filename="C:\Users\joe\cv.pdf"`:               "f|cv.pdf",
		`name=f; filename="C:\\Users\\joe\\cv.pdf"`:            "f|cv.pdf",
		`name=f; filename="/"`:                                 "f|",
		`name=f; filename=".."`:                                "f|",
		`name=f; filename="a/.."`:                              "f|",
		`name=f; filename="."`:                                 "f|",
		`name=f; filename="a/"`:                                "f|a",
		`name=f; filename="say \"hi\".txt"`:                    `f|say "hi".txt`,
		`name=f; filename="a%22b.txt"`:                         "f|a%22b.txt",
		`name="../f"`:                                          "../f|",
	} {
		s.postParts("/list", part+disposition+"\r\n\r\n1\r\n--B--\r\n").want(t, 200, want+"||1\n")
	}
}

func TestPartsErrors(t *testing.T) {
	app, ends := partsApp(quart.Config{})
	s := serve(t, app)
	one := part + "name=a\r\n\r\n1\r\n"
	filler := strings.Repeat("x", 1000)
	for _, tc := range []struct {
		name, body string
		status     int
	}{
		{"no end", one, 400},
		{"cut in a part", part + "name=a\r\n\r\n123", 400},
		{"cut in a head", part + "name=a\r\nX", 400},
		{"no boundary line", "hello", 400},
		{"other boundary", strings.ReplaceAll(one, "--B", "--C") + "--C--\r\n", 400},
		{"not a head", "--B\r\nhello\r\n\r\n1\r\n--B--\r\n", 400},
		{"no disposition", "--B\r\nContent-Type: text/plain\r\n\r\n1\r\n--B--\r\n", 400},
		{"other disposition", "--B\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--B--\r\n", 400},
		{"no name", part + "filename=a\r\n\r\n1\r\n--B--\r\n", 400},
		{"two names", part + "name=a; name=b\r\n\r\n1\r\n--B--\r\n", 400},
		{"broken escape", part + "name=a; filename*=UTF-8''%zz\r\n\r\n1\r\n--B--\r\n", 200}, // as if it were not there
		{"1,000 parts", strings.Repeat(one, 1000) + "--B--\r\n", 200},
		{"1,001 parts", strings.Repeat(one, 1001) + "--B--\r\n", 413},
		{"60 kB of head", part + "name=a\r\n" + strings.Repeat("X: "+filler+"\r\n", 58) + "\r\n1\r\n--B--\r\n", 200},
		{"80 kB of head", one + part + "name=a\r\n" + strings.Repeat("X: "+filler+"\r\n", 80) + "\r\n1\r\n--B--\r\n", 413},
		{"a head that does not end", part + "name=" + strings.Repeat("a", 200_000), 413},
		{"many fields", part + "name=a\r\n" + strings.Repeat("a:\r\n", 12_000) + "\r\n1\r\n--B--\r\n", 413},
		{"100 kB of preamble", strings.Repeat(filler+"\r\n", 100) + one + "--B--\r\n", 413},
		{"over the limit", part + "name=a\r\n\r\n" + strings.Repeat("x", 1<<20) + "\r\n--B--\r\n", 413},
	} {
		t.Run(tc.name, func(t *testing.T) {
			chunked := fmt.Sprintf("POST /list HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\nTransfer-Encoding: chunked\r\n\r\n"+
				"%x\r\n%s\r\n0\r\n\r\n", len(tc.body), tc.body)
			for _, a := range []*answer{s.postParts("/list", tc.body), s.raw("POST", chunked)} {
				if a.StatusCode != tc.status || a.Close != (tc.status != 200) {
					t.Errorf("%d, close %v, %.200s", a.StatusCode, a.Close, a.body)
				}
				if tc.status == 200 {
					continue
				}
				if err := ended(t, ends); quart.StatusOf(err) != tc.status {
					t.Errorf("the handler saw %v", err)
				}
			}
		})
	}
	for ctype, status := range map[string]int{
		"multipart/form-data; boundary=" + strings.Repeat("B", 70): 400, // well-formed, but not that of the body
		"multipart/form-data":                                      400,
		"multipart/form-data; boundary=\"\"":                       400,
		"multipart/form-data; boundary=" + strings.Repeat("B", 71): 400,
		"multipart/form-data; boundary=\"B \"":                     400,
		"multipart/form-data; boundary=\"a\\\"b\"":                 400,
		"multipart/form-data; boundary=B; boundary=C":              400,
		"multipart/form-data; boundary=\"é\"":                      400,
		"multipart/mixed; boundary=B":                              415,
		"application/x-www-form-urlencoded":                        415,
		"":                                                         415,
	} {
		header := []string{"Content-Type: " + ctype}
		if ctype == "" {
			header = nil
		}
		a := s.do("POST", "/list", one+"--B--\r\n", header...)
		if a.StatusCode != status {
			t.Errorf("%s: %d", ctype, a.StatusCode)
		}
		if err := ended(t, ends); quart.StatusOf(err) != status {
			t.Errorf("%s: the handler saw %v", ctype, err)
		}
	}
}

// TestPartsOnce: what Body has read can be ranged over again; what was read as it came is gone, which is said.
func TestPartsOnce(t *testing.T) {
	app, _ := newApp(quart.Config{})
	names := func(c *quart.Ctx) (s string, err error) {
		for p, err := range c.Parts() {
			if err != nil {
				return s, err
			}
			s += p.Name
		}
		return s, nil
	}
	app.Post("/again", func(c *quart.Ctx) error {
		if _, err := c.Body(); err != nil {
			return err
		}
		one, _ := names(c)
		two, _ := names(c)
		if _, err := c.FormFile("b"); err != nil {
			return err
		}
		return c.Text(200, one+two+c.Form("a"))
	})
	app.Post("/gone", func(c *quart.Ctx) error {
		s, err := names(c)
		_, again := names(c)
		_, form := c.FormFile("b")
		_, later := c.FormFile("b")
		if err != nil || again == nil || quart.StatusOf(again) != 500 || form != again || later != again {
			return fmt.Errorf("%w, %w, %w, %w", err, again, form, later)
		}
		return c.Text(200, s)
	})
	s := serve(t, app)
	body := part + "name=a\r\n\r\n1\r\n" + part + "name=b; filename=c\r\n\r\n2\r\n--B--\r\n"
	s.postParts("/again", body).want(t, 200, "abab1")
	s.postParts("/gone", body).want(t, 200, "ab")
}

// TestFormSpool: files of a large form lie on disk while the handler runs, its text has its limit, and nothing stays.
func TestFormSpool(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	spooled := func() int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	app, _ := newApp(quart.Config{})
	seen := make(chan int, 1)
	app.Post("/", func(c *quart.Ctx) error {
		f, err := c.FormFile("f")
		seen <- spooled()
		if err != nil {
			return err
		}
		if c.Query("panic") != "" {
			panic("after the form")
		}
		return c.Text(200, fmt.Sprint(f.Filename, f.Size))
	}).BodyLimit(4 << 20)
	s := serve(t, app)
	form := func(file, text int) string {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		_ = w.SetBoundary("B")
		_ = w.WriteField("a", strings.Repeat("t", text))
		h := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="f"; filename="..\\dir\\x"`}}
		f, _ := w.CreatePart(h)
		_, _ = f.Write(make([]byte, file))
		_ = w.Close()
		return b.String()
	}
	for _, tc := range []struct {
		target            string
		file, text        int
		cut               int // bytes that do not come
		status            int
		declared, chunked int // files on disk while the handler runs
	}{
		{"/", 400_000, 50_000, 0, 200, 0, 1}, // what is chunked may become large
		{"/", 3 << 20, 499_999, 0, 200, 1, 1},
		{"/", 100, 500_000, 0, 413, 0, 0},
		{"/", 100, 3 << 20, 0, 413, 0, 0},
		{"/", 3 << 20, 600_000, 0, 413, 0, 0},
		{"/", 4 << 20, 10, 0, 413, 0, 0},
		{"/", 3 << 20, 10, 5, 400, 0, 0},
		{"/?panic=1", 3 << 20, 10, 0, 500, 1, 1},
	} {
		body := form(tc.file, tc.text)
		sent := body[:len(body)-tc.cut]
		for i, onDisk := range []int{tc.declared, tc.chunked} {
			var a *answer
			if i == 0 {
				a = s.postParts(tc.target, sent)
			} else {
				a = s.raw("POST", fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\n"+
					"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", tc.target, len(sent), sent))
			}
			if a.StatusCode != tc.status || tc.status == 200 && a.body != fmt.Sprint("x", tc.file) {
				t.Errorf("%+v: %d %s", tc, a.StatusCode, a.body)
			}
			if n := <-seen; n != onDisk {
				t.Errorf("%+v: %d files on disk, want %d", tc, n, onDisk)
			}
			if n := spooled(); n != 0 { // they go before the answer does
				t.Errorf("%+v: %d files are left", tc, n)
			}
		}
	}
}

// FuzzPartHead: whatever a client writes into the head of a part, a file name is no path, and errors are the client's.
func FuzzPartHead(f *testing.F) {
	f.Add("Content-Disposition: form-data; name=a; filename=\"x.txt\"\r\nContent-Type: text/plain")
	f.Add("Content-Disposition: form-data; name=a; filename*=UTF-8''%2e%2e%2f%00")
	f.Add("Content-Disposition: form-data; name=\"a\"; filename*0=\"a/\"; filename*1*=%5c..")
	f.Add("content-disposition:form-data;name=a;filename=\"a\\\\..\\\\..\"\r\n x")
	f.Add("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: quoted-printable")
	f.Add("\r\n--B--")
	app, _ := newApp(quart.Config{})
	app.Post("/", func(c *quart.Ctx) error { return nil })
	f.Fuzz(func(t *testing.T, head string) {
		fc := new(fasthttp.RequestCtx)
		fc.Request.Header.SetMethod("POST")
		fc.Request.SetRequestURI("/")
		fc.Request.Header.SetContentType("multipart/form-data; boundary=B")
		fc.Request.SetBodyString("--B\r\n" + head + "\r\n\r\nbody\r\n--B--\r\n")
		c := quart.AcquireCtx(app, fc)
		defer quart.ReleaseCtx(c)
		for p, err := range c.Parts() {
			if err == nil {
				_, err = io.Copy(io.Discard, p)
			}
			var e *quart.HTTPError
			if err != nil && (!errors.As(err, &e) || e.Status != 400 && e.Status != 413) {
				t.Fatalf("%q: %v", head, err)
			}
			if err != nil {
				return
			}
			if p.Name == "" || p.FileName == "." || p.FileName == ".." || strings.ContainsAny(p.FileName, "/\\\x00\r\n\x7f") {
				t.Fatalf("%q: name %q, file %q", head, p.Name, p.FileName)
			}
		}
	})
}
