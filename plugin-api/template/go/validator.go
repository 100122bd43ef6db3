// Two validators in Go. They are a DEMONSTRATION that believes every token: replace accept by a check, and keep
// the rest.
//
// prefix: accepts go-SUBJECT as SUBJECT, at once.
// slow:   accepts slow-MILLISECONDS-SUBJECT as SUBJECT, from a goroutine, after that time, and stops early
//
//	when the call is cancelled. It stands for anything that has to be waited for.
//
// SUBJECT@SECONDS is a subject whose token ends at that time, in seconds since the Unix epoch.
// Other tokens are not theirs. go-! and slow-N-! are rejected.
//
// Option: secret, a key for your check.
//
// Build: go build -buildmode=c-shared -o libmy_validator.so
package main

// #cgo CFLAGS: -std=c11 -fvisibility=hidden -I${SRCDIR}/../../include
// #include "bridge.h"
import "C"

import (
	"bytes"
	"encoding/json"
	"runtime/cgo"
	"strconv"
	"sync"
	"time"
	"unsafe"
)

// What the host holds by a handle. Nothing of it is C's memory.
type validator struct {
	slow bool
	// For your check; empty: not set.
	secret string

	mutex sync.Mutex
	// The calls that wait; closing a channel cancels its call.
	calls map[uint64]chan struct{}
}

// Where the answer of a call goes. Used exactly once.
type answer struct {
	// The host's, as numbers: see bridge.c.
	complete, ctx C.uintptr_t
}

func lend(text []byte) (*C.char, C.size_t) {
	if len(text) == 0 {
		return nil, 0
	}
	return (*C.char)(unsafe.Pointer(&text[0])), C.size_t(len(text))
}

func (a answer) fail(kind C.uint32_t, why string) {
	text, size := lend([]byte(why))
	C.bridge_fail(a.complete, a.ctx, kind, text, size)
}

// The subject and the time of SUBJECT@SECONDS; without one the time is 0.
func cutEnd(text []byte) ([]byte, uint64) {
	at := bytes.LastIndexByte(text, '@')
	if at < 1 {
		return text, 0
	}
	end, err := strconv.ParseUint(string(text[at+1:]), 10, 36)
	if err != nil {
		return text, 0
	}
	return text[:at], end
}

// Accepts the subject that the token ends with; DataHub is asked with the token itself. The host gets the end of
// the token: it answers from its cache, and would not ask again.
func (a answer) accept(token []byte, prefix int) {
	subject, end := cutEnd(token[prefix:])
	if len(subject) == 0 || bytes.Equal(subject, []byte("!")) {
		a.fail(C.TV_REJECTED, "nobody's token")
		return
	}
	if end != 0 && end <= uint64(time.Now().Unix()) {
		a.fail(C.TV_REJECTED, "expired")
		return
	}
	subjectText, subjectSize := lend(subject)
	tokenText, tokenSize := lend(token)
	C.bridge_accept(a.complete, a.ctx, subjectText, subjectSize, tokenText, tokenSize, C.uint64_t(end))
}

// A copy of the host's text, which is only borrowed.
func taken(text C.tv_str) []byte {
	return C.GoBytes(unsafe.Pointer(text.ptr), C.int(text.len))
}

// Tokens do not stay in memory.
func wipe(token []byte) {
	for at := range token {
		token[at] = 0
	}
}

func at(handle C.uintptr_t) *validator {
	return cgo.Handle(handle).Value().(*validator)
}

// Completes the call if the caller panics: a panic that leaves an exported function or a goroutine ends the
// process. Defer it first. Nothing panics after an answer was given.
func (a answer) recovered() {
	if recover() != nil {
		a.fail(C.TV_PANICKED, "a panic")
	}
}

// Zero, which is no handle, if the call was completed with a failure.
//
//export goCreate
func goCreate(host C.uintptr_t, pluginID, factory, config C.tv_str, failed, ctx C.uintptr_t) C.uintptr_t {
	reply := answer{failed, ctx}
	defer reply.recovered()
	var options struct {
		Secret *string `json:"secret"`
	}
	text := taken(config)
	defer wipe(text)
	if json.Unmarshal(text, &options) != nil {
		reply.fail(C.TV_MISCONFIGURED, "the options are no JSON object")
		return 0
	}
	secret := ""
	if options.Secret != nil {
		secret = *options.Secret
		if len(secret) < 16 {
			// The name of the option, and never its value.
			reply.fail(C.TV_MISCONFIGURED, "`secret`: expected at least 16 bytes")
			return 0
		}
	}
	id, message := taken(pluginID), []byte("made in go")
	idText, idSize := lend(id)
	messageText, messageSize := lend(message)
	C.bridge_log(host, C.TV_INFO, idText, idSize, messageText, messageSize)
	made := &validator{
		slow:   string(taken(factory)) == "slow",
		secret: secret,
		calls:  make(map[uint64]chan struct{}),
	}
	return C.uintptr_t(cgo.NewHandle(made))
}

//export goTryValidate
func goTryValidate(handle C.uintptr_t, borrowed C.tv_str, complete, ctx C.uintptr_t) (answered C.uint32_t) {
	reply := answer{complete, ctx}
	answered = 1
	defer reply.recovered()
	if at(handle).slow {
		return 0
	}
	token := taken(borrowed)
	defer wipe(token)
	if bytes.HasPrefix(token, []byte("go-")) {
		reply.accept(token, len("go-"))
	} else {
		reply.fail(C.TV_NOT_MINE, "does not start with go-")
	}
	return 1
}

// The time of slow-MILLISECONDS-SUBJECT, and where the subject begins; 0: it is no such token.
func slowPrefix(token []byte) (time.Duration, int) {
	parts := bytes.SplitN(token, []byte("-"), 3)
	if len(parts) != 3 || string(parts[0]) != "slow" {
		return 0, 0
	}
	milliseconds, err := strconv.ParseUint(string(parts[1]), 10, 16)
	if err != nil {
		return 0, 0
	}
	return time.Duration(milliseconds) * time.Millisecond, len(parts[0]) + len(parts[1]) + 2
}

//export goValidate
func goValidate(handle C.uintptr_t, id C.uint64_t, borrowed C.tv_str, complete, ctx C.uintptr_t) {
	reply := answer{complete, ctx}
	defer reply.recovered()
	validator := at(handle)
	if !validator.slow {
		goTryValidate(handle, borrowed, complete, ctx)
		return
	}
	token := taken(borrowed)
	wait, prefix := slowPrefix(token)
	if prefix == 0 {
		wipe(token)
		reply.fail(C.TV_NOT_MINE, "not slow-MILLISECONDS-SUBJECT")
		return
	}
	cancelled := make(chan struct{})
	validator.mutex.Lock()
	validator.calls[uint64(id)] = cancelled
	validator.mutex.Unlock()
	go func() {
		defer reply.recovered()
		defer wipe(token)
		timer := time.NewTimer(wait)
		defer timer.Stop()
		expired := false
		select {
		case <-timer.C:
			expired = true
		case <-cancelled:
		}
		validator.mutex.Lock()
		delete(validator.calls, uint64(id))
		validator.mutex.Unlock()
		// Real work belongs before this.
		if expired {
			reply.accept(token, prefix)
		} else {
			reply.fail(C.TV_UNAVAILABLE, "cancelled")
		}
	}()
}

//export goCancel
func goCancel(handle C.uintptr_t, id C.uint64_t) {
	defer func() { _ = recover() }()
	validator := at(handle)
	validator.mutex.Lock()
	defer validator.mutex.Unlock()
	if cancelled, waits := validator.calls[uint64(id)]; waits {
		delete(validator.calls, uint64(id))
		close(cancelled)
	}
}

//export goDestroy
func goDestroy(handle C.uintptr_t) {
	defer func() { _ = recover() }()
	cgo.Handle(handle).Delete()
}

func main() {}
