//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v3"
)

// serveFlag as the first argument makes this program one of its servers: a name, an address, the URL of the database and the
// number of connections to it follow.
const serveFlag = "-serve"

// goServers run as their documentation starts them, without middleware, and encode JSON as they do by default.
var goServers = map[string]func(addr string, s *store) error{
	netHTTP: serveNetHTTP,
	"gin":   serveGin,
	"fiber": serveFiber,
}

// serveMain is main of a server process. It ends with its standard input.
func serveMain(args []string) error {
	if len(args) != 4 || goServers[args[0]] == nil {
		return errors.New(serveFlag + " wants a server, an address, the URL of a database and a number of connections")
	}
	size, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	s, err := openStore(context.Background(), args[2], size)
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // its end is what is waited for
		os.Exit(0)
	}()
	return goServers[args[0]](args[1], s)
}

func serveNetHTTP(addr string, s *store) error { return http.ListenAndServe(addr, netHTTPHandler(s)) }

func netHTTPHandler(s *store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /films/{id}/", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(r.PathValue("id"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		f, err := s.film(r.Context(), id)
		writeJSON(w, http.StatusOK, f, err)
	})
	mux.HandleFunc("GET /films/{$}", func(w http.ResponseWriter, r *http.Request) {
		year, err := parseYear(r.URL.Query().Get("year.gt"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		films, err := s.films(r.Context(), year)
		writeJSON(w, http.StatusOK, films, err)
	})
	mux.HandleFunc("POST /reviews/", func(w http.ResponseWriter, r *http.Request) {
		var in review
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		writeJSON(w, http.StatusCreated, in, s.addReview(r.Context(), in))
	})
	return mux
}

func writeJSON(w http.ResponseWriter, status int, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), statusOf(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that left is no failure
}

func serveGin(addr string, s *store) error {
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	answer := func(c *gin.Context, status int, v any, err error) {
		if err != nil {
			c.String(statusOf(err), err.Error())
			return
		}
		c.JSON(status, v)
	}
	g.GET("/films/:id/", func(c *gin.Context) {
		id, err := strconv.Atoi(c.Param("id"))
		if err != nil {
			c.Status(http.StatusNotFound)
			return
		}
		f, err := s.film(c.Request.Context(), id)
		answer(c, http.StatusOK, f, err)
	})
	g.GET("/films/", func(c *gin.Context) {
		year, err := parseYear(c.Query("year.gt"))
		if err != nil {
			c.String(http.StatusBadRequest, err.Error())
			return
		}
		films, err := s.films(c.Request.Context(), year)
		answer(c, http.StatusOK, films, err)
	})
	g.POST("/reviews/", func(c *gin.Context) {
		var in review
		if err := c.ShouldBindJSON(&in); err != nil {
			c.String(http.StatusBadRequest, err.Error())
			return
		}
		answer(c, http.StatusCreated, in, s.addReview(c.Request.Context(), in))
	})
	return g.Run(addr)
}

func serveFiber(addr string, s *store) error {
	app := fiber.New()
	answer := func(c fiber.Ctx, status int, v any, err error) error {
		if err != nil {
			return c.Status(statusOf(err)).SendString(err.Error())
		}
		return c.Status(status).JSON(v)
	}
	app.Get("/films/:id<int>/", func(c fiber.Ctx) error {
		f, err := s.film(c.Context(), fiber.Params[int](c, "id"))
		return answer(c, fiber.StatusOK, f, err)
	})
	app.Get("/films/", func(c fiber.Ctx) error {
		year, err := parseYear(c.Query("year.gt"))
		if err != nil {
			return fiber.ErrBadRequest
		}
		films, err := s.films(c.Context(), year)
		return answer(c, fiber.StatusOK, films, err)
	})
	app.Post("/reviews/", func(c fiber.Ctx) error {
		var in review
		if err := c.Bind().Body(&in); err != nil {
			return fiber.ErrBadRequest
		}
		return answer(c, fiber.StatusCreated, in, s.addReview(c.Context(), in))
	})
	return app.Listen(addr, fiber.ListenConfig{DisableStartupMessage: true})
}
