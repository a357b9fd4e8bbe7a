# After the files are there. $UPGRADED is 1 where an earlier version was.
if ! getent passwd "$USER_NAME" >/dev/null; then
  useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin \
    --comment "$COMMENT" "$USER_NAME"
fi
if [ "$GROUP" != root ]; then chgrp "$GROUP" "$CONFIGURATION"; fi
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload || true
  # What runs goes on as the new version. It is neither enabled nor started here: whoever configures it does that.
  if [ "$UPGRADED" = 1 ] && systemctl is-active --quiet "$UNIT"; then systemctl restart "$UNIT" || true; fi
fi
