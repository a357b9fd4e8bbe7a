if [ -d /run/systemd/system ]; then systemctl disable --now hosttrail-witness.service >/dev/null 2>&1 || true; fi
