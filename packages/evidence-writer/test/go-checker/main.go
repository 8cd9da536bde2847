// Command logcheck checks a log with the libraries of others: the Go project's
// checksum database (golang.org/x/mod/sumdb) and Tessera's fsck. It shares no
// code and no language with the writer that it checks.
//
//	logcheck [-witness <vkey>] <log folder> <vkey file> [<proof file>...]
//
// With -witness, the log's checkpoint.witnessed must carry that witness's
// cosignature and be of a beginning of the log.
//
// Prints what it found as JSON, or says on standard error what is wrong and
// exits with 1.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// timeout ends a check that hangs: fsck waits for ever when all its workers
// have found faults.
const timeout = 2 * time.Minute

// report is what a check found.
type report struct {
	Origin  string `json:"origin"`
	Size    int64  `json:"size"`
	Root    string `json:"root"`
	Erased  int64  `json:"erased"`
	Records int    `json:"provenRecords"`
	Trees   int    `json:"provenTrees"`
	Proofs  int    `json:"proofFiles"`
	// Witnessed is the size of the tree that the witness cosigned.
	Witnessed int64 `json:"witnessed"`
}

func main() {
	witness := flag.String("witness", "", "vkey of a witness that cosigned the log")
	flag.Parse()
	if flag.NArg() < 2 {
		fmt.Fprintln(os.Stderr, "usage: logcheck [-witness <vkey>] <log folder> <vkey file> [<proof file>...]")
		os.Exit(2)
	}
	found, err := withTimeout(func(ctx context.Context) (*report, error) {
		return check(ctx, flag.Arg(0), flag.Arg(1), flag.Args()[2:], *witness)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		os.Exit(1)
	}
}

func withTimeout(run func(context.Context) (*report, error)) (*report, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	type result struct {
		found *report
		err   error
	}
	done := make(chan result, 1)
	go func() {
		found, err := run(ctx)
		done <- result{found, err}
	}()
	select {
	case r := <-done:
		return r.found, r.err
	case <-ctx.Done():
		return nil, errors.New("the check did not end")
	}
}

func check(ctx context.Context, folder, keyFile string, proofs []string, witness string) (*report, error) {
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	found, ownErr := checkLog(folder, verifier, proofs, witness)
	fsckErr := runFsck(ctx, folder, verifier)
	if fsckErr != nil {
		fsckErr = fmt.Errorf("tessera fsck: %w", fsckErr)
	}
	return found, errors.Join(ownErr, fsckErr)
}

// checkLog checks with the libraries of the checksum database.
func checkLog(folder string, verifier note.Verifier, proofs []string, witness string) (*report, error) {
	log, err := openLog(folder, verifier)
	if err != nil {
		return nil, err
	}
	found := &report{Origin: log.origin, Size: log.tree.N, Root: log.tree.Hash.String()}
	if found.Erased, err = log.checkRecords(); err != nil {
		return nil, err
	}
	if found.Records, found.Trees, err = log.checkProofs(); err != nil {
		return nil, err
	}
	for _, file := range proofs {
		if err := log.checkProofFile(file, verifier); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		found.Proofs++
	}
	if witness != "" {
		if found.Witnessed, err = log.checkWitnessed(verifier, witness); err != nil {
			return nil, fmt.Errorf("checkpoint.witnessed: %w", err)
		}
	}
	return found, nil
}
