// The PKCS#11 declarations; nothing else includes them from p11-kit.
#pragma once

#include <p11-kit/pkcs11.h>
