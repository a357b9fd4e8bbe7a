# Before the files go, and no other version comes.
if [ -d /run/systemd/system ]; then systemctl disable --now "$UNIT" >/dev/null 2>&1 || true; fi
