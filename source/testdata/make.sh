#!/bin/sh
# The archives of TestArchives, by the programs that people make them with: GNU tar, bsdtar, Python, zstd, Info-ZIP. "Pictures" are a line of text.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
here=$PWD; rm -f *.zip *.tar* *.tgz
long=$(printf 'a%.0s' $(seq 90))/$(printf 'b%.0s' $(seq 90)).jpg
cd "$work"
mkdir -p "$(dirname "$long")" sub .hidden __MACOSX
echo one >one.jpg; echo two >sub/two.PNG; echo long >"$long"; echo 'ä' >ä.jpeg
echo 7 >one.cls; echo no >.hidden/x.jpg; echo no >__MACOSX/._one.jpg
all="./one.jpg one.cls sub/two.PNG ä.jpeg .hidden/x.jpg __MACOSX/._one.jpg $long"
for format in gnu posix ustar; do tar --format=$format --owner=0 --group=0 --mtime=@0 -cf "$here/$format.tar" $all; done
tar -czf "$here/gnu.tgz" --owner=0 --group=0 --mtime=@0 $all
tar -cjf "$here/gnu.tar.bz2" --owner=0 --group=0 --mtime=@0 $all
zstd -q -19 <"$here/gnu.tar" >"$here/gnu.tar.zst"
bsdtar --format pax -czf "$here/bsd.tar.gz" $all
python3 -c 'import sys, tarfile; t = tarfile.open(sys.argv[1], "w"); [t.add(n) for n in sys.argv[2:]]; t.close()' "$here/python.tar" $all
zip -q -X "$here/info.zip" $all
zip -q -X -0 - $all | cat >"$here/streamed.zip"
python3 -c 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED); [z.write(n) for n in sys.argv[2:]]; z.close()' "$here/python.zip" $all
zip -q -X -P secret "$here/encrypted.zip" one.jpg
python3 -c 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_LZMA); z.write("one.jpg"); z.close()' "$here/lzma.zip"
ln -s one.jpg link.jpg; ln one.jpg hard.jpg
tar --format=gnu --owner=0 --group=0 --mtime=@0 -cf "$here/links.tar" one.jpg link.jpg hard.jpg
truncate -s 100000 sparse.jpg; printf end >>sparse.jpg
tar --format=gnu -S --owner=0 --group=0 --mtime=@0 -cf "$here/sparse.tar" sparse.jpg
