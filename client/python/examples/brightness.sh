#!/bin/bash
# Prints the mean brightness of a picture, 0 to 255, without any client: with socat, od, awk.
# Usage: brightness.sh PICTURE
set -eu
file=$(realpath -- "$1")
socket=${SHMIMG_SOCKET:-${XDG_RUNTIME_DIR:-/run}/shmimgd/socket}

# The protocol lets any byte be written as %xx.
path=$(printf %s "$file" | od -An -v -tx1 | tr -d '\n' | tr ' ' '%')

# The image stays as long as the connection does.
coproc daemon { exec socat - "UNIX-CONNECT:$socket"; }
printf 'LOAD path=%s format=GRAY8\n' "$path" >&"${daemon[1]}"
read -r answer fields <&"${daemon[0]}"
if [ "$answer" != OK ]; then
	echo "$file: $fields" >&2
	exit 1
fi
for field in $fields; do
	case $field in
	segment=*) segment=${field#*=} ;;
	offset=*) offset=${field#*=} ;;
	width=*) width=${field#*=} ;;
	height=*) height=${field#*=} ;;
	stride=*) stride=${field#*=} ;;
	esac
done

od -An -v -tu1 -w"$stride" -j"$offset" -N$((stride * height)) "/dev/shm$segment" |
	awk -v width="$width" '
		{ for (x = 1; x <= width; x++) sum += $x }
		END { printf "%.2f\n", sum / width / NR }'
