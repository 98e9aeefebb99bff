package main

import (
	"cmp"
	"slices"
	"sync"
)

// maxTodos bounds the memory that strangers can fill.
const maxTodos = 10_000

// todoList keeps to-dos in memory. Its zero value is an empty list.
type todoList struct {
	mu    sync.RWMutex
	last  int64 // id that was given; none is given twice
	todos []Todo
}

// add gives a to-do its id. ok is false when the list is full.
func (l *todoList) add(in TodoIn) (todo Todo, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.todos) >= maxTodos {
		return Todo{}, false
	}
	l.last++
	todo = Todo{l.last, in}
	l.todos = append(l.todos, todo)
	return todo, true
}

// find returns at most limit to-dos with an id over after, those that are done or are not if done is not nil.
func (l *todoList) find(done *bool, after int64, limit int) (found []Todo) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	i, ok := l.at(after)
	if ok {
		i++
	}
	for _, todo := range l.todos[i:] {
		if len(found) == limit {
			break
		}
		if done == nil || *done == todo.Done {
			found = append(found, todo)
		}
	}
	return found
}

func (l *todoList) get(id int64) (todo Todo, ok bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	i, ok := l.at(id)
	if ok {
		todo = l.todos[i]
	}
	return todo, ok
}

func (l *todoList) replace(todo Todo) (ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok := l.at(todo.ID)
	if ok {
		l.todos[i] = todo
	}
	return ok
}

func (l *todoList) remove(id int64) (ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok := l.at(id)
	if ok {
		l.todos = slices.Delete(l.todos, i, i+1)
	}
	return ok
}

// at returns where the to-do of that id is, or where it would be: they are in the order of their ids.
func (l *todoList) at(id int64) (i int, ok bool) {
	return slices.BinarySearchFunc(l.todos, id, func(todo Todo, id int64) int { return cmp.Compare(todo.ID, id) })
}
