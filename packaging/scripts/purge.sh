# After the files are gone, and nothing shall be left.
rm -rf "$CONFIGURATION" "/var/lib/$PACKAGE" "/run/$PACKAGE"
if getent passwd "$USER_NAME" >/dev/null; then userdel "$USER_NAME" >/dev/null 2>&1 || true; fi
if getent group "$USER_NAME" >/dev/null; then groupdel "$USER_NAME" >/dev/null 2>&1 || true; fi
