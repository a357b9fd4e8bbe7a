// Command ferretdb serves the MongoDB wire protocol over SQLite, for development and tests only.
//
// It wraps FerretDB's embeddable package, because FerretDB's own command panics at start when it is
// built as a dependency (it wants a version file that only its release build writes).
package main

import (
	"context"
	"flag"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// What each connection tells SQLite: FerretDB's own two settings, which a URL with others must repeat, and that free pages
// may be given back, which giveRoomBack does. The latter counts where a database is made, and before its journal's mode.
var pragmas = url.Values{"_pragma": {"auto_vacuum(incremental)", "busy_timeout(10000)", "journal_mode(wal)"}}

func main() {
	listen := flag.String("listen", "127.0.0.1:27017", "TCP address to listen on")
	directory := flag.String("directory", "", "folder of the SQLite files (must exist)")
	interval := flag.Duration("room-interval", 10*time.Second, "how often free pages are counted")
	flag.Parse()

	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: *listen},
		Logger:    logger,
		Handler:   "sqlite",
		SQLiteURL: "file:" + *directory + "/?" + pragmas.Encode(),
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
