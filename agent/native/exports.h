// What JavaScript calls. Each is described where it is defined, and typed in ../src/kernel/native.ts.
#pragma once
#include <node_api.h>

napi_value OpenReader(napi_env env, napi_callback_info info);
napi_value DrainReader(napi_env env, napi_callback_info info);
napi_value ForgetTexts(napi_env env, napi_callback_info info);
napi_value ReaderStatistics(napi_env env, napi_callback_info info);
napi_value StopReader(napi_env env, napi_callback_info info);
napi_value ReaderPosition(napi_env env, napi_callback_info info);
napi_value ReaderEnd(napi_env env, napi_callback_info info);
napi_value CommitReader(napi_env env, napi_callback_info info);
napi_value ReaderCommitted(napi_env env, napi_callback_info info);
napi_value NotifyManager(napi_env env, napi_callback_info info);
napi_value MapSinglePages(napi_env env, napi_callback_info info);
napi_value PageOut(napi_env env, napi_callback_info info);
napi_value SetAffinity(napi_env env, napi_callback_info info);
napi_value OpenControl(napi_env env, napi_callback_info info);
napi_value Request(napi_env env, napi_callback_info info);
