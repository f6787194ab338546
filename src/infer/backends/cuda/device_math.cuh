#pragma once

#include <cuda_fp16.h>

#include "sluice/infer/backends/cuda/graph.h"
#include "sluice/infer/backends/cuda/kernels.h"

namespace sluice::infer::cuda {

/// sum[16 places][8 outputs] += a[16 places][16] * b[16][8 outputs]
__device__ inline void multiply(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// V numbers at p, as floats; of kI8, the whole numbers themselves. `stride` 0 is one number for
/// all; else they lie side by side, and V above 1 wants p aligned to V of them.
template <int V>
__device__ void load(const void* p, Type type, int stride, float (&x)[V]) {
    if constexpr (V == 8) {
        if (stride != 0) {
            if (type == Type::kF16) {
                const uint4 raw = *static_cast<const uint4*>(p);
                const __half2* pairs = reinterpret_cast<const __half2*>(&raw);
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const float2 pair = __half22float2(pairs[i]);
                    x[2 * i] = pair.x;
                    x[2 * i + 1] = pair.y;
                }
            } else if (type == Type::kF32) {
                const float4 low = static_cast<const float4*>(p)[0];
                const float4 high = static_cast<const float4*>(p)[1];
                x[0] = low.x, x[1] = low.y, x[2] = low.z, x[3] = low.w;
                x[4] = high.x, x[5] = high.y, x[6] = high.z, x[7] = high.w;
            } else if (type == Type::kI8) {
                const uint2 raw = *static_cast<const uint2*>(p);
                const signed char* bytes = reinterpret_cast<const signed char*>(&raw);
#pragma unroll
                for (int i = 0; i < 8; ++i)
                    x[i] = static_cast<float>(bytes[i]);
            } else {
                const uint2 raw = *static_cast<const uint2*>(p);
                const unsigned char* bytes = reinterpret_cast<const unsigned char*>(&raw);
#pragma unroll
                for (int i = 0; i < 8; ++i)
                    x[i] = static_cast<float>(bytes[i]);
            }
            return;
        }
    }
    float one = 0;
    if (type == Type::kF16) {
        one = __half2float(*static_cast<const __half*>(p));
    } else if (type == Type::kF32) {
        one = *static_cast<const float*>(p);
    } else if (type == Type::kI8) {
        one = static_cast<float>(*static_cast<const signed char*>(p));
    } else {
        one = static_cast<float>(*static_cast<const unsigned char*>(p));
    }
#pragma unroll
    for (int i = 0; i < V; ++i)
        x[i] = one;
}

__device__ inline signed char nearest_byte(float x) {
    return static_cast<signed char>(__float2int_rn(fminf(fmaxf(x, -128.0f), 127.0f)));
}

/// Of kI8, to the nearest whole numbers.
template <int V>
__device__ void store(void* p, Type type, const float (&x)[V]) {
    if constexpr (V == 8) {
        if (type == Type::kF16) {
            uint4 raw;
            __half2* pairs = reinterpret_cast<__half2*>(&raw);
#pragma unroll
            for (int i = 0; i < 4; ++i)
                pairs[i] = __floats2half2_rn(x[2 * i], x[2 * i + 1]);
            *static_cast<uint4*>(p) = raw;
        } else if (type == Type::kI8) {
            uint2 raw;
            signed char* bytes = reinterpret_cast<signed char*>(&raw);
#pragma unroll
            for (int i = 0; i < 8; ++i)
                bytes[i] = nearest_byte(x[i]);
            *static_cast<uint2*>(p) = raw;
        } else {
            static_cast<float4*>(p)[0] = make_float4(x[0], x[1], x[2], x[3]);
            static_cast<float4*>(p)[1] = make_float4(x[4], x[5], x[6], x[7]);
        }
    } else if (type == Type::kF16) {
        *static_cast<__half*>(p) = __float2half_rn(x[0]);
    } else if (type == Type::kI8) {
        *static_cast<signed char*>(p) = nearest_byte(x[0]);
    } else {
        *static_cast<float*>(p) = x[0];
    }
}

__device__ inline int bytes_of(Type type) {
    return type == Type::kF32 ? 4 : type == Type::kF16 ? 2 : 1;
}

__device__ inline const void* at(const void* data, Type type, int index) {
    return static_cast<const char*>(data) + static_cast<long long>(index) * bytes_of(type);
}
__device__ inline void* at(void* data, Type type, int index) {
    return static_cast<char*>(data) + static_cast<long long>(index) * bytes_of(type);
}

/// As load, but what numbers of kI8 stand for.
template <int V>
__device__ void load(
    const void* data, Type type, const Grid& grid, int index, int stride, float (&x)[V]) {
    load<V>(at(data, type, index), type, stride, x);
    if (type != Type::kI8) return;
#pragma unroll
    for (int i = 0; i < V; ++i)
        x[i] = (x[i] - grid.zero) * grid.step;
}
template <int V>
__device__ void load(const Operand& operand, int index, int stride, float (&x)[V]) {
    load<V>(operand.data, operand.type, operand.grid, index, stride, x);
}

/// As store, but numbers of kI8 are those that stand for x.
template <int V>
__device__ void store(void* data, Type type, const Grid& grid, int index, const float (&x)[V]) {
    float numbers[V];
    const float scale = type == Type::kI8 ? 1.0f / grid.step : 1.0f;
    const float zero = type == Type::kI8 ? grid.zero : 0.0f;
#pragma unroll
    for (int i = 0; i < V; ++i)
        numbers[i] = type == Type::kI8 ? rintf(x[i] * scale) + zero : x[i];
    store<V>(at(data, type, index), type, numbers);
}

__device__ inline float sigmoid(float x) {
    return 1.0f / (1.0f + __expf(-x));
}
__device__ inline float softplus(float x) {
    return x > 20.0f ? x : log1pf(expf(x));
}

/// Steps from kFloor on.
__device__ inline float late_step_on(const KernelStep& step, float x, float y, float& saved) {
    switch (static_cast<PointOp>(step.op)) {
        case PointOp::kFloor:
            return floorf(x);
        case PointOp::kCeil:
            return ceilf(x);
        case PointOp::kRound:
            return rintf(x);
        case PointOp::kTruncate:
            return truncf(x);
        case PointOp::kSign:
            return static_cast<float>((x > 0.0f) - (x < 0.0f));
        case PointOp::kSin:
            return sinf(x);
        case PointOp::kCos:
            return cosf(x);
        case PointOp::kMod:
            return fmodf(x, y);
        case PointOp::kFloorMod:
            return x - y * floorf(x / y);
        case PointOp::kEqual:
            return x == y ? 1.0f : 0.0f;
        case PointOp::kNotEqual:
            return x != y ? 1.0f : 0.0f;
        case PointOp::kLess:
            return x < y ? 1.0f : 0.0f;
        case PointOp::kLessEqual:
            return x <= y ? 1.0f : 0.0f;
        case PointOp::kGreater:
            return x > y ? 1.0f : 0.0f;
        case PointOp::kGreaterEqual:
            return x >= y ? 1.0f : 0.0f;
        case PointOp::kSave:
            saved = x;
            return x;
        case PointOp::kMulSaved:
            return x * saved;
        case PointOp::kTake:
            return y;
        case PointOp::kChoose:
            return y != 0.0f ? x : saved;
        case PointOp::kRound8:
            return (fminf(fmaxf(rintf(x / step.a) + step.b, -128.0f), 127.0f) - step.b) * step.a;
        default:
            return x;
    }
}

/// The twin of apply_step (reference.h).
__device__ inline float step_on(const KernelStep& step, float x, float y, float& saved) {
    switch (static_cast<PointOp>(step.op)) {
        case PointOp::kAdd:
            return x + y;
        case PointOp::kSub:
            return x - y;
        case PointOp::kSubFrom:
            return y - x;
        case PointOp::kMul:
            return x * y;
        case PointOp::kDiv:
            return x / y;
        case PointOp::kDivFrom:
            return y / x;
        case PointOp::kMax:
            return fmaxf(x, y);
        case PointOp::kMin:
            return fminf(x, y);
        case PointOp::kPow:
            return powf(x, y);
        case PointOp::kLeakyRelu:
            return x < 0.0f ? x * y : x;
        case PointOp::kRelu:
            return fmaxf(x, 0.0f);
        case PointOp::kClamp:
            return fminf(fmaxf(x, step.a), step.b);
        case PointOp::kSigmoid:
            return sigmoid(x);
        case PointOp::kSwish:
            return x * sigmoid(x);
        case PointOp::kHardSwish:
            return x * fminf(fmaxf(x + 3.0f, 0.0f), 6.0f) / 6.0f;
        case PointOp::kHardSigmoid:
            return fminf(fmaxf(step.a * x + step.b, 0.0f), 1.0f);
        case PointOp::kTanh:
            return tanhf(x);
        case PointOp::kExp:
            return expf(x);
        case PointOp::kLog:
            return logf(x);
        case PointOp::kSqrt:
            return sqrtf(x);
        case PointOp::kAbs:
            return fabsf(x);
        case PointOp::kElu:
            return x < 0.0f ? step.a * expm1f(x) : x;
        case PointOp::kSoftplus:
            return softplus(x);
        case PointOp::kMish:
            return x * tanhf(softplus(x));
        case PointOp::kGelu:
            return 0.5f * x * (1.0f + erff(x * 0.70710678f));
        case PointOp::kErf:
            return erff(x);
        default:
            return late_step_on(step, x, y, saved);
    }
}

/// All steps on V numbers. read(operand, y) loads V numbers of an operand.
template <int V, class Read>
__device__ void run_steps(const Steps& steps, float (&x)[V], Read&& read) {
    float saved[V] = {};
    for (int s = 0; s < steps.count; ++s) {
        const KernelStep step = steps.step[s];
        float y[V];
        if (step.input >= 0) {
            read(step.input, y);
        } else {
#pragma unroll
            for (int i = 0; i < V; ++i)
                y[i] = step.a;
        }
#pragma unroll
        for (int i = 0; i < V; ++i)
            x[i] = step_on(step, x[i], y[i], saved[i]);
    }
}

}  // namespace sluice::infer::cuda
