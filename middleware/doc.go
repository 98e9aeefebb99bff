// Package middleware holds the layers that most apps want around their handlers. Each is made by a function of a config struct, whose
// zero value is ready for production, and goes to Use of an app, a group or a route:
//
//	app.Use(
//		middleware.RequestID(middleware.RequestIDConfig{}),
//		middleware.Logger(middleware.LoggerConfig{}),
//		middleware.SecureHeaders(middleware.SecureConfig{}),
//		middleware.CORS(middleware.CORSConfig{AllowOrigins: []string{"https://app.example.com"}}),
//		middleware.Timeout(middleware.TimeoutConfig{After: 5 * time.Second}),
//	)
//	admin := app.Group("/admin", middleware.BasicAuth(middleware.BasicAuthConfig{Users: users}))
//
// The first one is the outermost. This order is a good one: the ID is there when the logger and everything inside needs it, the logger sees
// the final response, and CORS stands outside of what may refuse a request, because a browser sends its preflight without credentials.
//
// A mistake in a config panics when the middleware is made.
package middleware
