package main

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite"
)

const (
	// Pages that stayed free through so many looks are given back: what is freed and used again in turn stays.
	looks = 6
	// Pages given back in one transaction, and the pause after it: a writer waits for one such transaction at most.
	batchPages = 64
	batchPause = 50 * time.Millisecond
)

// giveRoomBack shrinks the files of databases by the pages that nobody needs, a few at a time, until ctx is done.
// It looks at them once in each interval.
// SQLite's auto_vacuum=FULL would do it within each transaction that frees pages, and make that one slow.
func giveRoomBack(ctx context.Context, directory string, interval time.Duration, logger *slog.Logger) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	least := map[string]int{}
	for look := 1; ; look++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		files, _ := filepath.Glob(filepath.Join(directory, "*.sqlite"))
		next := map[string]int{}
		for _, file := range files {
			pages, known := least[file]
			if !known {
				pages = math.MaxInt
			}
			isDue := look%looks == 0 && known
			left, err := lookAt(ctx, file, pages, isDue)
			if err != nil {
				// Another one may have dropped the database meanwhile; it is looked at again.
				if _, gone := os.Stat(file); gone == nil && ctx.Err() == nil {
					logger.Warn("cannot give back free pages", "file", file, "error", err)
				}
				continue
			}
			next[file] = left
			if isDue {
				next[file] = math.MaxInt
			}
		}
		least = next
	}
}

// lookAt gives the least number of free pages that a file had: now, or `least` before. Where that is due, it gives so many back and empties the log.
//
// The file is opened anew each time, since a database may be dropped and made again under its name.
func lookAt(ctx context.Context, file string, least int, isDue bool) (int, error) {
	query := url.Values{"mode": {"rw"}, "_pragma": {"busy_timeout(1000)"}}
	db, err := sql.Open("sqlite", "file:"+file+"?"+query.Encode())
	if err != nil {
		return 0, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	free, err := freePages(ctx, db)
	if err != nil {
		return 0, err
	}
	least = min(least, free)
	if !isDue {
		return least, nil
	}
	for unused := least; unused > 0; unused -= batchPages {
		if err := readAll(ctx, db, fmt.Sprintf("incremental_vacuum(%d)", batchPages)); err != nil {
			return 0, err
		}
		before := free
		if free, err = freePages(ctx, db); err != nil {
			return 0, err
		}
		// A database made without these settings gives nothing back.
		if free >= before {
			break
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(batchPause):
		}
	}
	// What the log has is written to the file, and then the log is emptied, where nobody reads or writes in this moment.
	for _, statement := range []string{"wal_checkpoint(PASSIVE)", "busy_timeout(0)", "wal_checkpoint(TRUNCATE)"} {
		if err := readAll(ctx, db, statement); err != nil {
			return 0, err
		}
	}
	return least, nil
}

// readAll runs a pragma to its end: a vacuum gives back one page for each row that is asked for.
func readAll(ctx context.Context, db *sql.DB, pragma string) error {
	rows, err := db.QueryContext(ctx, "PRAGMA "+pragma)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

func freePages(ctx context.Context, db *sql.DB) (pages int, err error) {
	err = db.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&pages)
	return pages, err
}
