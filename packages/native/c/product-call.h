// A matrix product, or the packing of its weights, called from JavaScript.
#ifndef SACCADE_PRODUCT_CALL_H
#define SACCADE_PRODUCT_CALL_H

#include "call.h"

// In the order of `ProductArguments` in ../src/addon.ts.
enum { PRODUCT_NUMBERS, PRODUCT_X, PRODUCT_WEIGHTS, PRODUCT_BIAS, PRODUCT_OUT, PRODUCT_ARG_COUNT, PRODUCT_CALLBACK = PRODUCT_ARG_COUNT };

extern const CallKind productCall;

#endif
