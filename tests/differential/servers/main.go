// What Go's net/http made of a request. The first line on stdout is {name: port}.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
)

var routes = []struct {
	name    string
	pattern *regexp.Regexp
}{
	{"admin", regexp.MustCompile(`^/admin/(.+)$`)},
	{"public", regexp.MustCompile(`^/public/(.+)$`)},
	{"b", regexp.MustCompile(`^/a/([^/]+)/b$`)},
	{"v1", regexp.MustCompile(`^/v1/([^/]+)/([^/]+)$`)},
}

func pairs(given map[string][]string) map[string]any {
	found := [][]string{}
	for name, values := range given {
		for _, value := range values {
			found = append(found, []string{name, value})
		}
	}
	return map[string]any{"pairs": found}
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	said := map[string]any{"method": r.Method, "host": r.Host, "route": "none", "params": []string{}}
	for _, route := range routes {
		if found := route.pattern.FindStringSubmatch(r.URL.Path); found != nil {
			said["route"], said["params"] = route.name, found[1:]
			break
		}
	}
	if err := r.ParseMultipartForm(1 << 24); err != nil && err != http.ErrNotMultipart {
		http.Error(w, "no", 400)
		return
	}
	said["query"], said["form"] = pairs(r.URL.Query()), pairs(r.PostForm)
	var value any
	if json.Unmarshal(body, &value) == nil {
		switch value.(type) {
		case map[string]any, []any:
			said["json"] = value
		}
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(said)
}

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("/", echo)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("{\"go\": %d}\n", listener.Addr().(*net.TCPAddr).Port)
	go http.Serve(listener, mux)
	io.ReadAll(os.Stdin)
}
