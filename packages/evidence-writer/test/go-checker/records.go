package main

import (
	"fmt"

	"github.com/transparency-dev/tessera/api/layout"
	"golang.org/x/mod/sumdb/tlog"
)

// checkRecords compares every record with its hash in the tiles, which are
// checked against the signed root, and counts the records that were erased:
// their entry is empty, and their hash alone is left.
func (l *openedLog) checkRecords() (erased int64, err error) {
	for index := int64(0); index*layout.EntryBundleWidth < l.tree.N; index++ {
		entries, err := l.entries(index)
		if err != nil {
			return 0, err
		}
		first := index * layout.EntryBundleWidth
		hashes, err := l.leafHashes(first, len(entries))
		if err != nil {
			return 0, err
		}
		for i, entry := range entries {
			switch {
			case len(entry) == 0:
				erased++
			case tlog.RecordHash(entry) != hashes[i]:
				return 0, fmt.Errorf("record %d does not have its hash", first+int64(i))
			}
		}
	}
	return erased, nil
}

func (l *openedLog) leafHashes(first int64, count int) ([]tlog.Hash, error) {
	indexes := make([]int64, count)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
	}
	return l.hashes.ReadHashes(indexes)
}

// checkProofs proves records in the tree, and older trees to be its beginning.
func (l *openedLog) checkProofs() (records, trees int, err error) {
	for _, n := range places(l.tree.N) {
		if err := l.proveRecord(n); err != nil {
			return 0, 0, fmt.Errorf("record %d: %w", n, err)
		}
		if err := l.proveTree(n + 1); err != nil {
			return 0, 0, fmt.Errorf("tree of %d: %w", n+1, err)
		}
		records++
		trees++
	}
	return records, trees, nil
}

// places are the indexes at which trees change their shape, and some between.
func places(size int64) []int64 {
	chosen := map[int64]bool{size - 1: true}
	for power := int64(1); power <= size; power *= 2 {
		for n := power - 2; n <= power; n++ {
			chosen[n] = true
		}
	}
	for n := int64(0); n < size; n += 997 {
		chosen[n] = true
	}
	var all []int64
	for n := range chosen {
		if n >= 0 && n < size {
			all = append(all, n)
		}
	}
	return all
}

func (l *openedLog) proveRecord(n int64) error {
	hashes, err := l.leafHashes(n, 1)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveRecord(l.tree.N, n, l.hashes)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, l.tree.N, l.tree.Hash, n, hashes[0])
}

func (l *openedLog) proveTree(n int64) error {
	root, err := tlog.TreeHash(n, l.hashes)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveTree(l.tree.N, n, l.hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, l.tree.N, l.tree.Hash, n, root)
}
