// The way from Node to the kernel's audit subsystem: a reader with a thread of its own, and a control socket apart. And what Node
// itself cannot do for its process.

#include <node_api.h>

#include "exports.h"

namespace {

napi_value Initialize(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"openReader", nullptr, OpenReader, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"drainReader", nullptr, DrainReader, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"forgetTexts", nullptr, ForgetTexts, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"readerStatistics", nullptr, ReaderStatistics, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"stopReader", nullptr, StopReader, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"readerPosition", nullptr, ReaderPosition, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"readerEnd", nullptr, ReaderEnd, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"commitReader", nullptr, CommitReader, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"readerCommitted", nullptr, ReaderCommitted, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"notifyManager", nullptr, NotifyManager, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"mapSinglePages", nullptr, MapSinglePages, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"pageOut", nullptr, PageOut, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"setAffinity", nullptr, SetAffinity, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"openControl", nullptr, OpenControl, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"request", nullptr, Request, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions);
  return exports;
}

}  // namespace

NAPI_MODULE(hosttrail_audit, Initialize)
