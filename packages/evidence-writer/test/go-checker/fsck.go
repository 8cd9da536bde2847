package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"
)

// workers is more than the faults that any test puts into one log.
const workers = 8

// runFsck has Tessera walk the log: every bundle, every tile, and the root.
func runFsck(ctx context.Context, folder string, verifier note.Verifier) error {
	// What it says beside its answer goes nowhere; without this it goes to files.
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	source := numberedBundles{client.FileFetcher{Root: folder}}
	hasher := func(bundle []byte) ([][]byte, error) { return source.leafHashes(ctx, bundle) }
	return fsck.New(verifier.Name(), verifier, source, hasher, fsck.Opts{N: workers}).Check(ctx)
}

// numberedBundles puts a bundle's index before its bytes, so that the hasher
// can look an erased record's hash up in the tile.
type numberedBundles struct{ client.FileFetcher }

func (n numberedBundles) ReadEntryBundle(ctx context.Context, index uint64, partial uint8) ([]byte, error) {
	bundle, err := n.FileFetcher.ReadEntryBundle(ctx, index, partial)
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint64(nil, index), bundle...), nil
}

func (n numberedBundles) leafHashes(ctx context.Context, numbered []byte) ([][]byte, error) {
	if len(numbered) < 8 {
		return nil, errors.New("no bundle")
	}
	bundle := &api.EntryBundle{}
	if err := bundle.UnmarshalText(numbered[8:]); err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(bundle.Entries))
	for i, entry := range bundle.Entries {
		if len(entry) > 0 {
			hashes[i] = rfc6962.DefaultHasher.HashLeaf(entry)
			continue
		}
		hash, err := n.erasedHash(ctx, binary.BigEndian.Uint64(numbered), i, len(bundle.Entries))
		if err != nil {
			return nil, err
		}
		hashes[i] = hash
	}
	return hashes, nil
}

func (n numberedBundles) erasedHash(ctx context.Context, index uint64, entry, width int) ([]byte, error) {
	tile, err := n.ReadTile(ctx, 0, index, uint8(width%layout.TileWidth))
	if err != nil {
		return nil, err
	}
	size := rfc6962.DefaultHasher.Size()
	if len(tile) < (entry+1)*size {
		return nil, errors.New("no hash of an erased record")
	}
	return tile[entry*size : (entry+1)*size], nil
}
