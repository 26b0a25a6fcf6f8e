/* Finds what the launcher finds: the release or clone, its jars, and a Java that is new enough. */
#include <dirent.h>
#include <dlfcn.h>
#include <sys/stat.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "machine.h"

namespace hw_host {
namespace {

constexpr long kOldest = 25;

bool is_file(const std::string &path) {
  struct stat found;
  return stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode);
}

bool is_folder(const std::string &path) {
  struct stat found;
  return stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
}

std::string real(const std::string &path) {
  char whole[PATH_MAX];
  return realpath(path.c_str(), whole) == nullptr ? path : whole;
}

std::string parent(const std::string &path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

std::vector<std::string> entries(const std::string &folder) {
  std::vector<std::string> names;
  if (DIR *open = opendir(folder.c_str())) {
    while (const dirent *entry = readdir(open)) {
      if (entry->d_name[0] != '.') names.push_back(folder + "/" + entry->d_name);
    }
    closedir(open);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string environment(const char *name) {
  const char *value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string libjvm_of(const std::string &java) {
  for (const char *place : {"/lib/server/libjvm.so", "/lib/server/libjvm.dylib"}) {
    if (is_file(java + place)) return java + place;
  }
  return "";
}

/* The file that every Java has tells its version without starting it. */
bool is_new_enough(const std::string &java) {
  std::ifstream release(java + "/release");
  const std::string key = "JAVA_VERSION=\"";
  for (std::string line; std::getline(release, line);) {
    if (line.compare(0, key.size(), key) == 0) return std::strtol(line.c_str() + key.size(), nullptr, 10) >= kOldest;
  }
  return false;
}

/* headwater.jar under a folder that is a release or a clone, else "". */
std::string jar_under(const std::string &folder) {
  for (const char *place : {"/lib/headwater.jar", "/cli/target/headwater/lib/headwater.jar"}) {
    if (is_file(folder + place)) return folder + place;
  }
  return "";
}

/* As the build wrote it beside the jars: ./NAME.jar:./NAME.jar … */
std::string modules_of(const std::string &jar) {
  const std::string lib = parent(jar);
  if (lib.find(':') != std::string::npos) return "";
  std::ifstream file(parent(lib) + "/modules");
  std::string names;
  std::getline(file, names);
  std::string path;
  for (size_t at = 0; at < names.size();) {
    const size_t end = std::min(names.find(':', at), names.size());
    std::string name = names.substr(at, end - at);
    if (name.compare(0, 2, "./") == 0) name.replace(0, 1, lib);
    path += (path.empty() ? "" : ":") + name;
    at = end + 1;
  }
  return path;
}

/* Where this library lies. */
std::string own_folder() {
  Dl_info info;
  if (dladdr(reinterpret_cast<const void *>(&hw_api_version), &info) == 0 || info.dli_fname == nullptr) return "/";
  return parent(real(info.dli_fname));
}

}  // namespace

Home find_home(const char *asked) {
  Home home;
  const std::string named = asked != nullptr ? asked : environment("HEADWATER_HOME");
  if (!named.empty()) {
    home.folder = real(named);
    home.jar = jar_under(home.folder);
    if (home.jar.empty()) {
      throw Failure{HW_ERROR_JAVA,
                    named + (asked != nullptr ? "" : ", which HEADWATER_HOME names,") +
                        " has no lib/headwater.jar and no cli/target/headwater/lib/headwater.jar; name an unpacked "
                        "release, or a clone in which ./headwater doctor was run"};
    }
  } else {
    const std::string own = own_folder();
    for (std::string folder = own;; folder = parent(folder)) {
      home.jar = jar_under(folder);
      home.folder = folder;
      if (!home.jar.empty() || folder == "/") break;
    }
    if (home.jar.empty()) {
      throw Failure{HW_ERROR_JAVA,
                    "there is no Headwater above " + own +
                        ", where libheadwater.so lies; name an unpacked release or a built clone in HEADWATER_HOME"};
    }
  }
  home.modules = modules_of(home.jar);
  if (is_folder(home.folder + "/native") && is_folder(home.folder + "/java")) home.native = home.folder + "/native";
  return home;
}

std::string find_libjvm(const std::string &home) {
  std::string brought = libjvm_of(home + "/java");
  if (!brought.empty()) return brought;

  std::vector<std::string> places = {environment("JAVA_HOME")};
  std::string path = environment("PATH");
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find(':', at), path.size());
    const std::string java = path.substr(at, end - at) + "/java";
    if (is_file(java)) {
      places.push_back(parent(parent(real(java))));
      break;
    }
    at = end + 1;
  }
  const std::string user = environment("HOME");
  for (const std::string &folder :
       {std::string("/usr/lib/jvm"), user + "/.sdkman/candidates/java", user + "/.jdks", std::string("/opt"),
        std::string("/usr/java"), std::string("/usr/local/java"), std::string("/Library/Java/JavaVirtualMachines")}) {
    for (const std::string &entry : entries(folder)) {
      places.push_back(entry);
      places.push_back(entry + "/Contents/Home"); /* macOS */
    }
  }
  for (const std::string &place : places) {
    if (place.empty() || !is_new_enough(place)) continue;
    std::string found = libjvm_of(place);
    if (!found.empty()) return found;
  }
  throw Failure{HW_ERROR_JAVA, "no Java " + std::to_string(kOldest) +
                                   " or newer found (looked at JAVA_HOME, java on the PATH, /usr/lib/jvm, ~/.sdkman, "
                                   "~/.jdks, /opt); install a JDK, set "
                                   "JAVA_HOME to it, or use a release, which brings its own"};
}

}  // namespace hw_host
