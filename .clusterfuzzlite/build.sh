#!/usr/bin/env bash
# Builds the fuzz targets as ClusterFuzzLite and OSS-Fuzz want them: with the compiler $CXX, its flags
# $CXXFLAGS and the engine $LIB_FUZZING_ENGINE, into $OUT, each with its seeds, dictionary and
# options. They are run on another machine, so that all they need is linked into them.
#
# It needs $SRC/lossy, and finds fmt, utfcpp and libpcap in $SRC where Dockerfile put them; else those
# of the system serve, which is how ci/check-fuzz-build runs this without Docker.
#
# With the memory sanitizer everything must be compiled with it, which libpcap, zlib and its like are not:
# the targets that read captures are left out. (The C++ library has to be, too. The image's is;
# with Debian's libstdc++ any std::string would count as uninitialised, so nothing is built.)
set -euo pipefail

: "${CXX:?}" "${CXXFLAGS?}" "${LIB_FUZZING_ENGINE:?}" "${SRC:?}" "${OUT:?}" "${WORK:?}"
project=$SRC/lossy
targets=()
for corpus in "$project"/fuzz/corpus/*/; do targets+=("$(basename "$corpus")"); done
if [[ ${SANITIZER-} == memory ]]; then
  [[ $CXXFLAGS == *-stdlib=libc++* ]] ||
    { echo "build.sh: the memory sanitizer needs a libc++ that is compiled with it" >&2; exit 2; }
  targets=($(printf '%s\n' "${targets[@]}" | grep -v -e capture -e pcapng -e replay))
fi

# The libraries, where they are to be built.
prefix=$WORK/prefix
quiet=(-DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_PREFIX_PATH="$prefix" -G Ninja)
install_library() {
  local name=$1
  [[ -d $SRC/$name ]] || return 0
  cmake -S "$SRC/$name" -B "$WORK/$name" "${quiet[@]}" "${@:2}"
  cmake --build "$WORK/$name"
  cmake --install "$WORK/$name"
}
install_library fmt -DFMT_TEST=OFF -DFMT_DOC=OFF
install_library utfcpp -DUTF8_TESTS=OFF -DUTF8_SAMPLES=OFF
install_library libpcap -DBUILD_SHARED_LIBS=OFF -DDISABLE_DBUS=ON -DDISABLE_RDMA=ON \
  -DDISABLE_BLUETOOTH=ON -DBUILD_WITH_LIBNL=OFF

export PKG_CONFIG_PATH=$prefix/lib/pkgconfig:${PKG_CONFIG_PATH-}
cmake -S "$project" -B "$WORK/lossy" "${quiet[@]}" -DCMAKE_CXX_COMPILER="$CXX" \
  -DCMAKE_BUILD_TYPE=None -DLOSSY_TESTS=OFF -DLOSSY_FUZZ=ON -DLOSSY_FUZZ_ENGINE="$LIB_FUZZING_ENGINE"
cmake --build "$WORK/lossy" --target "${targets[@]}"

for target in "${targets[@]}"; do
  cp "$WORK/lossy/fuzz/$target" "$project/fuzz/$target".{dict,options} "$OUT"
  mapfile -t seeds < <(find "$project"/fuzz/{corpus,regressions}/"$target" -maxdepth 1 -type f 2>/dev/null | sort)
  rm -f "$OUT/${target}_seed_corpus.zip"
  python3 -m zipfile -c "$OUT/${target}_seed_corpus.zip" "${seeds[@]}"
done
