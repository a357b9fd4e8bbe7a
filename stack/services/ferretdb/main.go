// Command ferretdb serves the MongoDB wire protocol over SQLite, for development and tests only.
//
// It wraps FerretDB's embeddable package, because FerretDB's own command panics at start when it is
// built as a dependency (it wants a version file that only its release build writes).
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:27017", "TCP address to listen on")
	directory := flag.String("directory", "", "folder of the SQLite files (must exist)")
	interval := flag.Duration("room-interval", 10*time.Second, "how often free pages are counted")
	certificate := flag.String("tls-certificate", "", "certificate of the server (PEM); TLS alone is spoken where it is given")
	key := flag.String("tls-key", "", "its key (PEM)")
	authorities := flag.String("tls-authorities", "", "authorities (PEM) of one of which clients must have a certificate")
	flag.Parse()

	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	listener := ferretdb.ListenerConfig{TCP: *listen}
	if *certificate != "" {
		listener = ferretdb.ListenerConfig{
			TLS:         *listen,
			TLSCertFile: *certificate,
			TLSKeyFile:  *key,
			TLSCAFile:   *authorities,
		}
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  listener,
		Logger:    logger,
		Handler:   "sqlite",
		SQLiteURL: "file:" + *directory + "/",
	})
	if err != nil {
		logger.Error("cannot start", "error", err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	go giveRoomBack(ctx, *directory, *interval, logger)
	server.Run(ctx)
}
