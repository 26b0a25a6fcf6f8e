/* The Java machine inside the process: found, started or joined, and calls of it. */
#ifndef HEADWATER_HOST_MACHINE_H
#define HEADWATER_HOST_MACHINE_H

#include <jni.h>

#include <string>

#include "failure.h"

namespace hw_host {

/* Where Java and the jars lie. */
struct Home {
  std::string folder;  /* of a release or a clone */
  std::string jar;     /* headwater.jar, which names the others */
  std::string modules; /* a module path, "" where the folder's name forbids one */
  std::string native;  /* a release's folder of native libraries, "" for a clone */
  std::string libjvm;
};

/* Looks as headwater.h says. asked may be NULL. */
Home find_home(const char *asked);
/* libjvm.so of the Java that the home brings, or of a JDK on this machine. */
std::string find_libjvm(const std::string &home);

/* Starts the machine, unless one runs. True if this call started it. */
bool start(const hw_start_options &options);

struct Method {
  const char *type; /* class in the package host */
  const char *name;
  const char *signature;
};

/* Calls from the thread that makes it, which is attached, and whatever they make is freed with this. */
class Call {
 public:
  Call();
  ~Call();
  Call(const Call &) = delete;
  Call &operator=(const Call &) = delete;

  JNIEnv *env;

  jlong number(Method method, ...);
  jobject object(Method method, ...);
  void nothing(Method method, ...);

  jbyteArray bytes(const char *text, size_t length);
  /* NULL stays null. */
  jbyteArray bytes(const char *text);
  jintArray ints(const int32_t *values, size_t count);
  jobject buffer(void *memory, size_t size);
  std::string text(jobject bytes);
  /* Turns what Java threw into a Failure. */
  void check();

 private:
  jclass type_of(const Method &method, jmethodID &id);
};

/* exit() then ends calls on their way before it runs the destructors of libraries that are loaded now. */
void end_before_what_is_loaded_now();

/* False in a child of the process that started the machine, where nothing of it works. */
bool is_ours();

}  // namespace hw_host

#endif
