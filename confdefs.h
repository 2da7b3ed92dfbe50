/* confdefs.h */
#define PACKAGE_NAME "zufs"
#define PACKAGE_TARNAME "zufs"
#define PACKAGE_VERSION "0.1.0"
#define PACKAGE_STRING "zufs 0.1.0"
#define PACKAGE_BUGREPORT ""
#define PACKAGE_URL ""
#define PACKAGE "zufs"
#define VERSION "0.1.0"
