// Package web is how featx talks to HTTP servers: time limits, what is worth another attempt and when, and errors that people understand.
package web
