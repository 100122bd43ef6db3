/* Between the host's header and Go: what cgo cannot say in Go. */
#ifndef BRIDGE_H
#define BRIDGE_H

#include <stdint.h>

#include "token_validator.h"

/* Completes a call as accepted, with the token itself for DataHub, and its end in seconds since the Unix epoch;
 * 0: it has none. Everything is borrowed for the call,
 * so Go may lend its own memory. */
void bridge_accept(uintptr_t complete, uintptr_t ctx, const char *subject, size_t subject_len,
                   const char *token, size_t token_len, uint64_t end);

/* Completes a call with a failure. */
void bridge_fail(uintptr_t complete, uintptr_t ctx, uint32_t kind, const char *why, size_t why_len);

/* Writes a line to the host's log. */
void bridge_log(uintptr_t host, uint32_t level, const char *plugin_id, size_t plugin_id_len,
                const char *message, size_t message_len);

#endif
