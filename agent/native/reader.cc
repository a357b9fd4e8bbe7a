#include "reader.h"

#include "exports.h"
#include "values.h"

// openReader(multicast: boolean, inheritedFd: number, receiveBufferBytes: number, ringPath: string, bootId: string,
//            ringBytes: number, onReadable: () => void)
//
// inheritedFd is a socket that an earlier process opened and registered, -1 for none.
napi_value OpenReader(napi_env env, napi_callback_info info) {
  size_t count = 7;
  napi_value arguments[7];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  bool multicast = false;
  int32_t inherited = -1;
  int32_t receive_buffer = 0;
  int64_t ring_bytes = 0;
  napi_get_value_bool(env, arguments[0], &multicast);
  napi_get_value_int32(env, arguments[1], &inherited);
  napi_get_value_int32(env, arguments[2], &receive_buffer);
  const std::string path = Text(env, arguments[3]);
  const std::string boot_id = Text(env, arguments[4]);
  napi_get_value_int64(env, arguments[5], &ring_bytes);
  if (ring_bytes < static_cast<int64_t>(2 * kMessageBytesMax)) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "ringBytes is too small for one message");
    return nullptr;
  }
  const int fd = inherited >= 0 ? inherited : OpenSocket(multicast ? 1U << (AUDIT_NLGRP_READLOG - 1) : 0);
  if (fd < 0) {
    ThrowErrno(env, multicast ? "cannot join the audit multicast group" : "cannot open an audit socket", errno);
    return nullptr;
  }
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  auto* reader = new Reader(fd);
  int error = reader->Open(path.c_str(), boot_id.c_str(), static_cast<size_t>(ring_bytes));
  if (error != 0) {
    delete reader;
    ThrowErrno(env, ("cannot open the ring " + path).c_str(), error == EWOULDBLOCK ? EBUSY : error);
    return nullptr;
  }
  reader->SetReceiveBuffer(receive_buffer);
  if (!multicast && inherited < 0) {
    error = reader->Register();
    if (error != 0) {
      delete reader;
      ThrowErrno(env, "cannot register as the audit daemon", error);
      return nullptr;
    }
  }
  napi_value name;
  napi_create_string_utf8(env, "hosttrail audit reader", NAPI_AUTO_LENGTH, &name);
  napi_threadsafe_function notify = nullptr;
  napi_create_threadsafe_function(env, arguments[6], nullptr, name, 0, 1, nullptr, nullptr, nullptr, nullptr, &notify);
  reader->Start(notify);
  napi_value result;
  napi_create_external(
      env, reader,
      [](napi_env, void* data, void*) {
        auto* closing = static_cast<Reader*>(data);
        closing->Stop(false);
        delete closing;
      },
      nullptr, &result);
  return result;
}

// drainReader(reader, heads: Uint32Array, texts: Buffer of at least kMessageBytesMax): number of records. Both are the caller's and are used
// again and again: new ones would wait for a garbage collection that has no reason to come.
napi_value DrainReader(napi_env env, napi_callback_info info) {
  size_t count = 3;
  napi_value arguments[3];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  void *heads = nullptr, *data = nullptr;
  size_t words = 0, room = 0;
  napi_get_typedarray_info(env, arguments[1], nullptr, &words, &heads, nullptr, nullptr);
  napi_get_buffer_info(env, arguments[2], &data, &room);
  napi_value result;
  constexpr size_t kWords = sizeof(RecordHead) / sizeof(uint32_t);
  if (room < kMessageBytesMax || words < kWords) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "the buffer is too small for one message");
    return nullptr;
  }
  const size_t records = Unwrap<Reader>(env, arguments[0])
                             ->Drain(static_cast<RecordHead*>(heads), words / kWords, static_cast<uint8_t*>(data), room);
  napi_create_uint32(env, static_cast<uint32_t>(records), &result);
  return result;
}

// forgetTexts(reader): void
napi_value ForgetTexts(napi_env env, napi_callback_info info) {
  Unwrap<Reader>(env, OneArgument(env, info))->ForgetTexts();
  return nullptr;
}

napi_value ReaderStatistics(napi_env env, napi_callback_info info) {
  return Unwrap<Reader>(env, OneArgument(env, info))->Statistics(env);
}

// stopReader(reader, release: boolean): void
napi_value StopReader(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  bool release = false;
  napi_get_value_bool(env, arguments[1], &release);
  Unwrap<Reader>(env, arguments[0])->Stop(release);
  return nullptr;
}

// readerPosition(reader): number. Where in the ring the next drain begins.
napi_value ReaderPosition(napi_env env, napi_callback_info info) {
  napi_value result;
  napi_create_double(env, static_cast<double>(Unwrap<Reader>(env, OneArgument(env, info))->cursor()), &result);
  return result;
}

// readerEnd(reader): number. Where in the ring the next record will be laid.
napi_value ReaderEnd(napi_env env, napi_callback_info info) {
  napi_value result;
  napi_create_double(env, static_cast<double>(Unwrap<Reader>(env, OneArgument(env, info))->end()), &result);
  return result;
}

// commitReader(reader, position: number, spooled: Buffer of SpooledEvent): void
napi_value CommitReader(napi_env env, napi_callback_info info) {
  size_t count = 3;
  napi_value arguments[3];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  double position = 0;
  void* data = nullptr;
  size_t length = 0;
  napi_get_value_double(env, arguments[1], &position);
  napi_get_buffer_info(env, arguments[2], &data, &length);
  Unwrap<Reader>(env, arguments[0])
      ->Commit(static_cast<uint64_t>(position), static_cast<SpooledEvent*>(data),
               static_cast<uint32_t>(length / sizeof(SpooledEvent)));
  return nullptr;
}

// readerCommitted(reader): Buffer of the SpooledEvents of the last commit.
napi_value ReaderCommitted(napi_env env, napi_callback_info info) {
  const Commit& commit = Unwrap<Reader>(env, OneArgument(env, info))->committed();
  napi_value result;
  void* copy = nullptr;
  napi_create_buffer_copy(env, commit.count * sizeof(SpooledEvent), commit.spooled, &copy, &result);
  return result;
}
