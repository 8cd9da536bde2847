package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// tileHeight is that of C2SP tlog-tiles: 256 hashes a tile.
const tileHeight = 8

// openedLog is a log whose checkpoint carries the right signature.
type openedLog struct {
	folder string
	origin string
	tree   tlog.Tree
	// hashes reads tiles, and checks each against the tree's root.
	hashes tlog.HashReader
}

func openLog(folder string, verifier note.Verifier) (*openedLog, error) {
	file := filepath.Join(folder, "checkpoint")
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	tree, err := openCheckpoint(text, verifier)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	log := &openedLog{folder: folder, origin: verifier.Name(), tree: tree}
	log.hashes = tlog.TileHashReader(tree, log)
	return log, nil
}

// openCheckpoint checks a signed note and reads its three lines.
func openCheckpoint(text []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return tlog.Tree{}, errors.New("not the three lines of a checkpoint")
	}
	if lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("origin %q is not the key's name", lines[0])
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, fmt.Errorf("size %q", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tlog.Tree{}, err
	}
	return tlog.Tree{N: size, Hash: root}, nil
}

// Height implements [tlog.TileReader].
func (l *openedLog) Height() int { return tileHeight }

// ReadTiles implements [tlog.TileReader]: a partial tile, or the full one that
// has replaced it.
func (l *openedLog) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for i, tile := range tiles {
		path := layout.TilePath(uint64(tile.L), uint64(tile.N), uint8(tile.W))
		data, err := os.ReadFile(filepath.Join(l.folder, path))
		if errors.Is(err, os.ErrNotExist) && tile.W != 1<<tileHeight {
			data, err = os.ReadFile(filepath.Join(l.folder, layout.TilePath(uint64(tile.L), uint64(tile.N), 0)))
		}
		if err != nil {
			return nil, err
		}
		if len(data) < tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: %d bytes", path, len(data))
		}
		all[i] = data[:tile.W*tlog.HashSize]
	}
	return all, nil
}

// SaveTiles implements [tlog.TileReader].
func (l *openedLog) SaveTiles([]tlog.Tile, [][]byte) {}

// entries are the records of one bundle, as many as the tree has of them.
func (l *openedLog) entries(index int64) ([][]byte, error) {
	width := min(l.tree.N-index*layout.EntryBundleWidth, layout.EntryBundleWidth)
	path := layout.EntriesPath(uint64(index), uint8(width))
	data, err := os.ReadFile(filepath.Join(l.folder, path))
	if errors.Is(err, os.ErrNotExist) {
		path = layout.EntriesPath(uint64(index), 0)
		data, err = os.ReadFile(filepath.Join(l.folder, path))
	}
	if err != nil {
		return nil, err
	}
	bundle := &api.EntryBundle{}
	if err := bundle.UnmarshalText(data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if int64(len(bundle.Entries)) < width {
		return nil, fmt.Errorf("%s: %d entries of %d", path, len(bundle.Entries), width)
	}
	return bundle.Entries[:width], nil
}
