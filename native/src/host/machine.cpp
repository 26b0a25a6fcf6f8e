/* Starts the Java machine in this process, or joins the one that is there, and makes calls of it. */
#include "machine.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

namespace hw_host {
namespace {

constexpr jint kVersion = JNI_VERSION_10;
constexpr size_t kSmallestStack = 512 << 10;
constexpr size_t kStarterStack = 8 << 20;

struct Machine {
  JavaVM *vm = nullptr;
  pid_t process = 0;
  std::map<std::string, jclass> types;
};

std::mutex starting;
std::atomic<Machine *> running{nullptr};

/* Calls that are on their way, of all threads and of this one; and whether exit() was called. */
std::atomic<int> calls{0};
thread_local int calls_here = 0;
std::atomic<bool> process_ends{false};

/* Of this thread; ends with it. */
struct Attachment {
  bool ours = false;
  ~Attachment() {
    Machine *machine = running.load();
    if (ours && machine != nullptr && machine->process == getpid()) machine->vm->DetachCurrentThread();
  }
};

/* What the machine says while it fails to start. */
std::string *complaints = nullptr;

jint JNICALL complain(FILE *, const char *format, va_list arguments) {
  char line[1024];
  const int written = vsnprintf(line, sizeof line, format, arguments);
  if (complaints != nullptr) *complaints += line;
  return written;
}

std::vector<std::string> machine_options(const Home &home, const hw_start_options &asked) {
  std::vector<std::string> options = {"-Xrs", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xlog:disable",
                                      "-Djava.class.path=" + home.jar};
  if (home.modules.empty()) {
    options.push_back("--enable-native-access=ALL-UNNAMED");
  } else {
    options.push_back("--module-path=" + home.modules);
    options.push_back("--add-modules=dev.headwater.engine");
    options.push_back("--enable-native-access=dev.headwater.bindings");
  }
  if (!home.native.empty()) options.push_back("-Dheadwater.native=" + home.native);
  if (asked.threads > 0) options.push_back("-Dheadwater.threads=" + std::to_string(asked.threads));
  const char *environment = std::getenv("HEADWATER_JAVA_OPTS");
  for (const char *more : {environment, asked.java_options}) {
    const std::string all = more == nullptr ? "" : more;
    for (size_t at = 0; at < all.size();) {
      const size_t end = std::min(all.find_first_of(" \t\n", at), all.size());
      if (end > at) options.push_back(all.substr(at, end - at));
      at = end + 1;
    }
  }
  return options;
}

struct Birth {
  jint (*create)(JavaVM **, void **, void *) = nullptr;
  std::vector<std::string> options;
  std::string complaint;
  JavaVM *vm = nullptr;
  jint status = JNI_ERR;
};

/* Runs on a thread of its own, so that the stack is known and no host's thread becomes Java's main one. The machine's threads inherit
   what is blocked here: a host's handlers of asynchronous signals never run on them. */
void *give_birth(void *argument) {
  Birth &birth = *static_cast<Birth *>(argument);
  sigset_t all;
  sigfillset(&all);
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGPIPE}) sigdelset(&all, fault);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  std::vector<JavaVMOption> options;
  options.push_back({const_cast<char *>("vfprintf"), reinterpret_cast<void *>(complain)});
  for (std::string &option : birth.options) options.push_back({option.data(), nullptr});
  JavaVMInitArgs arguments = {kVersion, static_cast<jint>(options.size()), options.data(), JNI_FALSE};
  void *env = nullptr;
  complaints = &birth.complaint;
  birth.status = birth.create(&birth.vm, &env, &arguments);
  complaints = nullptr;
  if (birth.status == JNI_OK) birth.vm->DetachCurrentThread();
  return nullptr;
}

JavaVM *create(const Home &home, const hw_start_options &asked) {
  const std::string libjvm = find_libjvm(home.folder);
  void *library = dlopen(libjvm.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) throw Failure{HW_ERROR_JAVA, libjvm + " can't be loaded: " + dlerror()};
  Birth birth;
  birth.create = reinterpret_cast<jint (*)(JavaVM **, void **, void *)>(dlsym(library, "JNI_CreateJavaVM"));
  birth.options = machine_options(home, asked);
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStarterStack);
  const int failed = birth.create == nullptr ? -1 : pthread_create(&thread, &attributes, give_birth, &birth);
  pthread_attr_destroy(&attributes);
  if (failed == 0) pthread_join(thread, nullptr);
  if (birth.status != JNI_OK) {
    std::string why = birth.complaint.substr(0, birth.complaint.find_last_not_of('\n') + 1);
    std::replace(why.begin(), why.end(), '\n', ' ');
    throw Failure{HW_ERROR_JAVA, "the Java machine of " + libjvm + " can't be started" +
                                     (why.empty() ? "" : ": " + why) +
                                     "; see HEADWATER_JAVA_OPTS and the machine's memory"};
  }
  return birth.vm;
}

#if defined(__APPLE__)
constexpr const char *kLibjvm = "@rpath/libjvm.dylib";
size_t stack_of_this_thread() { return pthread_get_stacksize_np(pthread_self()); }
#else
constexpr const char *kLibjvm = "libjvm.so";
/* 0 if it is not known. */
size_t stack_of_this_thread() {
  pthread_attr_t attributes;
  size_t stack = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
    pthread_attr_getstacksize(&attributes, &stack);
    pthread_attr_destroy(&attributes);
  }
  return stack;
}
#endif

/* The machine of this process, if it has one. */
JavaVM *existing() {
  void *library = dlopen(kLibjvm, RTLD_NOW | RTLD_NOLOAD);
  if (library == nullptr) return nullptr;
  auto list = reinterpret_cast<jint (*)(JavaVM **, jsize, jsize *)>(dlsym(library, "JNI_GetCreatedJavaVMs"));
  JavaVM *vm = nullptr;
  jsize count = 0;
  if (list != nullptr) list(&vm, 1, &count);
  dlclose(library);
  return count > 0 ? vm : nullptr;
}

JNIEnv *attach(JavaVM *vm) {
  thread_local Attachment attachment;
  void *env = nullptr;
  if (vm->GetEnv(&env, kVersion) == JNI_OK) return static_cast<JNIEnv *>(env);
  const size_t stack = stack_of_this_thread();
  if (stack != 0 && stack < kSmallestStack) {
    throw Failure{HW_ERROR_USAGE, "the calling thread has a stack of " + std::to_string(stack >> 10) +
                                      " kB; Java code needs 512 kB at least, attribution 1 MB"};
  }
  JavaVMAttachArgs arguments = {kVersion, const_cast<char *>("headwater-host"), nullptr};
  if (vm->AttachCurrentThreadAsDaemon(&env, &arguments) != JNI_OK) {
    throw Failure{HW_ERROR_JAVA, "this thread can't be attached to the Java machine; there may be no memory for it"};
  }
  attachment.ours = true;
  return static_cast<JNIEnv *>(env);
}

[[noreturn]] void give_up(JNIEnv *env, const char *what) {
  env->ExceptionClear();
  throw Failure{HW_ERROR_JAVA, std::string("the jars do not fit libheadwater.so: ") + what +
                                   " is missing; take both from one build or release"};
}

jobject loader_of(JNIEnv *env, const Home *home) {
  jclass loaders = env->FindClass("java/lang/ClassLoader");
  jmethodID system = env->GetStaticMethodID(loaders, "getSystemClassLoader", "()Ljava/lang/ClassLoader;");
  if (home == nullptr) return env->CallStaticObjectMethod(loaders, system);
  /* Somebody else's machine, which does not have us on its paths: headwater.jar names what it needs. */
  jclass files = env->FindClass("java/io/File");
  jobject file = env->NewObject(files, env->GetMethodID(files, "<init>", "(Ljava/lang/String;)V"),
                                env->NewStringUTF(home->jar.c_str()));
  jobject uri = env->CallObjectMethod(file, env->GetMethodID(files, "toURI", "()Ljava/net/URI;"));
  jobject url =
      env->CallObjectMethod(uri, env->GetMethodID(env->FindClass("java/net/URI"), "toURL", "()Ljava/net/URL;"));
  jobjectArray urls = env->NewObjectArray(1, env->FindClass("java/net/URL"), url);
  jclass type = env->FindClass("java/net/URLClassLoader");
  return env->NewObject(type, env->GetMethodID(type, "<init>", "([Ljava/net/URL;)V"), urls);
}

jclass load(JNIEnv *env, jobject loader, const std::string &name) {
  jmethodID method =
      env->GetMethodID(env->FindClass("java/lang/ClassLoader"), "loadClass", "(Ljava/lang/String;)Ljava/lang/Class;");
  jobject type =
      env->CallObjectMethod(loader, method, env->NewStringUTF(("dev.headwater.engine.host." + name).c_str()));
  if (env->ExceptionCheck()) {
    env->ExceptionClear();
    return nullptr;
  }
  return static_cast<jclass>(env->NewGlobalRef(type));
}

jint JNICALL tell(JNIEnv *env, jclass, jlong function, jlong user, jbyteArray phase, jlong done, jlong total) {
  if (process_ends.load()) return 1;
  if (function == 0) return 0;
  std::string name(static_cast<size_t>(env->GetArrayLength(phase)), '\0');
  env->GetByteArrayRegion(phase, 0, static_cast<jsize>(name.size()), reinterpret_cast<jbyte *>(name.data()));
  return reinterpret_cast<hw_progress>(function)(reinterpret_cast<void *>(user), name.c_str(), done, total);
}

void adopt(Machine &machine, const Home *home) {
  JNIEnv *env = attach(machine.vm);
  env->PushLocalFrame(32);
  jobject loader = loader_of(env, nullptr);
  if (home != nullptr && load(env, loader, "HostCalls") == nullptr) loader = loader_of(env, home);
  if (env->ExceptionCheck()) give_up(env, "a class loader for them");
  for (const char *name : {"HostCalls", "HostEdits", "HostFailure", "HostProgress"}) {
    jclass type = load(env, loader, name);
    if (type == nullptr) give_up(env, name);
    machine.types[name] = type;
  }
  const JNINativeMethod method = {const_cast<char *>("tell"), const_cast<char *>("(JJ[BJJ)I"),
                                  reinterpret_cast<void *>(tell)};
  if (env->RegisterNatives(machine.types["HostProgress"], &method, 1) != JNI_OK) give_up(env, "HostProgress.tell");
  env->PopLocalFrame(nullptr);
}

/* exit() runs the destructors of libtorch too, while other threads may be computing with it: first their calls end. */
void end_calls() {
  process_ends = true;
  if (!is_ours()) return;
  constexpr int kMostMilliseconds = 10000;
  for (int waited = 0; waited < kMostMilliseconds && calls.load() > calls_here; waited++) usleep(1000);
}

}  // namespace

void end_before_what_is_loaded_now() { std::atexit(end_calls); }

std::string &message() {
  thread_local std::string text;
  return text;
}

bool is_ours() {
  Machine *machine = running.load();
  return machine != nullptr && machine->process == getpid();
}

void register_tensors(JNIEnv *env, jclass edits);

bool start(const hw_start_options &options) {
  if (running.load() != nullptr) return false;
  const std::lock_guard<std::mutex> lock(starting);
  if (running.load() != nullptr) return false;
  const Home home = find_home(options.home);
  auto machine = new Machine;
  machine->process = getpid();
  JavaVM *other = existing();
  machine->vm = other != nullptr ? other : create(home, options);
  adopt(*machine, other != nullptr ? &home : nullptr);
  register_tensors(attach(machine->vm), machine->types["HostEdits"]);
  running.store(machine);
  return other == nullptr;
}

Call::Call() : env(nullptr) {
  if (running.load() == nullptr) {
    hw_start_options usual;
    hw_start_options_init(&usual);
    start(usual);
  }
  if (!is_ours()) {
    throw Failure{HW_ERROR_JAVA,
                  "this process was forked from one that uses Headwater, and Java machines do not survive that; start "
                  "it anew (spawn)"};
  }
  env = attach(running.load()->vm);
  calls++;
  calls_here++;
  if (process_ends.load() || env->PushLocalFrame(64) != 0) {
    calls_here--;
    calls--;
    if (process_ends.load()) throw Failure{HW_ERROR_JAVA, "the process is ending"};
    check();
  }
}

Call::~Call() {
  env->PopLocalFrame(nullptr);
  calls_here--;
  calls--;
}

void Call::check() {
  if (!env->ExceptionCheck()) return;
  jthrowable thrown = env->ExceptionOccurred();
  env->ExceptionClear();
  jclass type = running.load()->types["HostFailure"];
  jmethodID describe = env->GetStaticMethodID(type, "describe", "(Ljava/lang/Throwable;)[B");
  jobject described = describe == nullptr ? nullptr : env->CallStaticObjectMethod(type, describe, thrown);
  if (env->ExceptionCheck() || described == nullptr) {
    env->ExceptionClear();
    throw Failure{HW_ERROR_MEMORY, "Java has no memory left, even to say what was wrong"};
  }
  const std::string all = text(described);
  throw Failure{static_cast<int32_t>(all[0]), all.substr(1)};
}

jclass Call::type_of(const Method &method, jmethodID &id) {
  jclass type = running.load()->types.at(method.type);
  id = env->GetStaticMethodID(type, method.name, method.signature);
  if (id == nullptr) give_up(env, method.name);
  return type;
}

jlong Call::number(Method method, ...) {
  jmethodID id;
  jclass type = type_of(method, id);
  va_list arguments;
  va_start(arguments, method);
  const jlong result = env->CallStaticLongMethodV(type, id, arguments);
  va_end(arguments);
  check();
  return result;
}

jobject Call::object(Method method, ...) {
  jmethodID id;
  jclass type = type_of(method, id);
  va_list arguments;
  va_start(arguments, method);
  jobject result = env->CallStaticObjectMethodV(type, id, arguments);
  va_end(arguments);
  check();
  return result;
}

void Call::nothing(Method method, ...) {
  jmethodID id;
  jclass type = type_of(method, id);
  va_list arguments;
  va_start(arguments, method);
  env->CallStaticVoidMethodV(type, id, arguments);
  va_end(arguments);
  check();
}

jbyteArray Call::bytes(const char *text, size_t length) {
  if (length > INT32_MAX - 8)
    throw Failure{HW_ERROR_USAGE, "a text has " + std::to_string(length) + " bytes; that is too long"};
  jbyteArray array = env->NewByteArray(static_cast<jsize>(length));
  if (array == nullptr) check();
  env->SetByteArrayRegion(array, 0, static_cast<jsize>(length), reinterpret_cast<const jbyte *>(text));
  return array;
}

jbyteArray Call::bytes(const char *text) { return text == nullptr ? nullptr : bytes(text, __builtin_strlen(text)); }

jintArray Call::ints(const int32_t *values, size_t count) {
  if (count > INT32_MAX - 8) throw Failure{HW_ERROR_USAGE, std::to_string(count) + " numbers are too many"};
  if (count > 0) require(values, "an array of numbers that is not empty");
  jintArray array = env->NewIntArray(static_cast<jsize>(count));
  if (array == nullptr) check();
  env->SetIntArrayRegion(array, 0, static_cast<jsize>(count), reinterpret_cast<const jint *>(values));
  return array;
}

jobject Call::buffer(void *memory, size_t size) {
  jobject buffer = env->NewDirectByteBuffer(memory, static_cast<jlong>(size));
  if (buffer == nullptr) check();
  return buffer;
}

std::string Call::text(jobject bytes) {
  auto array = static_cast<jbyteArray>(bytes);
  std::string text(static_cast<size_t>(env->GetArrayLength(array)), '\0');
  env->GetByteArrayRegion(array, 0, static_cast<jsize>(text.size()), reinterpret_cast<jbyte *>(text.data()));
  return text;
}

}  // namespace hw_host
