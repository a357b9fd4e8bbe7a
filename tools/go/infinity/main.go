// Infinity makes tables of JSON as Grafana's Infinity data source does by its backend parser: rows by the root selector, which is a path of
// gjson or else JSONata, and of each row the columns, which are paths of gjson. It reads questions from standard input and prints tables.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/tidwall/gjson"
	"github.com/xiatechs/jsonata-go"
)

type column struct {
	Selector string `json:"selector"`
	Text     string `json:"text"`
}

type question struct {
	Answer  json.RawMessage `json:"answer"`
	Root    string          `json:"root"`
	Columns []column        `json:"columns"`
}

func main() {
	var questions []question
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		fail(err)
	}
	tables := make([][]map[string]any, 0, len(questions))
	for _, each := range questions {
		table, err := tableOf(each)
		if err != nil {
			fail(fmt.Errorf("%s: %w", each.Root, err))
		}
		tables = append(tables, table)
	}
	if err := json.NewEncoder(os.Stdout).Encode(tables); err != nil {
		fail(err)
	}
}

func tableOf(asked question) ([]map[string]any, error) {
	root, err := rootOf(asked)
	if err != nil {
		return nil, err
	}
	if !root.IsArray() {
		return nil, fmt.Errorf("is no list: %.100s", root.Raw)
	}
	table := []map[string]any{}
	for _, row := range root.Array() {
		cells := map[string]any{}
		for _, each := range asked.Columns {
			cells[each.Text] = row.Get(each.Selector).Value()
		}
		table = append(table, cells)
	}
	return table, nil
}

func rootOf(asked question) (gjson.Result, error) {
	if found := gjson.GetBytes(asked.Answer, asked.Root); found.Exists() {
		return found, nil
	}
	expression, err := jsonata.Compile(asked.Root)
	if err != nil {
		return gjson.Result{}, err
	}
	var answer any
	if err := json.Unmarshal(asked.Answer, &answer); err != nil {
		return gjson.Result{}, err
	}
	found, err := expression.Eval(answer)
	if err != nil {
		return gjson.Result{}, err
	}
	bytes, err := json.Marshal(found)
	return gjson.ParseBytes(bytes), err
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
