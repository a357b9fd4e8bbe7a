if [ -d /run/systemd/system ] && [ "$UPGRADED" = 1 ] && systemctl is-active --quiet hosttrail-witness.service; then
  systemctl restart hosttrail-witness.service || true
fi
