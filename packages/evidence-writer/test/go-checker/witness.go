package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	f_note "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// checkWitnessed checks the checkpoint that a witness cosigned: both signatures,
// and that this log goes on from it. Returns its size.
func (l *openedLog) checkWitnessed(verifier note.Verifier, witness string) (int64, error) {
	cosigner, err := f_note.NewVerifierForCosignatureV1(witness)
	if err != nil {
		return 0, err
	}
	text, err := os.ReadFile(filepath.Join(l.folder, "checkpoint.witnessed"))
	if err != nil {
		return 0, err
	}
	opened, err := note.Open(text, note.VerifierList(verifier, cosigner))
	if err != nil {
		return 0, err
	}
	if len(opened.Sigs) != 2 {
		return 0, fmt.Errorf("%d good signatures, not those of log and witness", len(opened.Sigs))
	}
	tree, err := openCheckpoint(text, verifier)
	if err != nil {
		return 0, err
	}
	if tree.N > l.tree.N {
		return 0, errors.New("of a longer log")
	}
	if tree.N == 0 {
		return 0, nil
	}
	proof, err := tlog.ProveTree(l.tree.N, tree.N, l.hashes)
	if err != nil {
		return 0, err
	}
	return tree.N, tlog.CheckTree(proof, l.tree.N, l.tree.Hash, tree.N, tree.Hash)
}
