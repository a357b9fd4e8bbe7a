package main

import (
	"context"
	"database/sql"
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
	looks = 360
	// Less of a file is not worth it.
	worthwhile = 1.0 / 8
	// Writers wait while a file is written anew: for a second with one of this size. What a larger one has free is little of it.
	bytesMax = 64 << 20
)

// giveRoomBack writes small files of databases anew where they have much that nobody needs, and empties their logs, until ctx
// is done. It looks at them once in each interval.
//
// SQLite's auto_vacuum would keep them small by itself, and makes some transactions slow, also where pages are not given
// back within them but later (INCREMENTAL).
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

// lookAt gives the least number of free pages that a file had: now, or `least` before. Where that is due, it gives them back.
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
	free, err := numberOf(ctx, db, "freelist_count")
	if err != nil {
		return 0, err
	}
	least = min(least, free)
	if !isDue {
		return least, nil
	}
	pages, err := numberOf(ctx, db, "page_count")
	if err != nil {
		return 0, err
	}
	bytes, err := numberOf(ctx, db, "page_size")
	if err != nil {
		return 0, err
	}
	var statements []string
	if float64(least) > worthwhile*float64(pages) && pages*bytes <= bytesMax {
		statements = append(statements, "VACUUM")
	}
	// What the log has is written to the file, and then the log is emptied, where nobody reads or writes in this moment.
	statements = append(statements,
		"PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA busy_timeout(0)", "PRAGMA wal_checkpoint(TRUNCATE)")
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return 0, err
		}
	}
	return least, nil
}

func numberOf(ctx context.Context, db *sql.DB, pragma string) (number int, err error) {
	err = db.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&number)
	return number, err
}
