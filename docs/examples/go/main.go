// Go with lib/pq; pgx differs in the imports and in pgconn.PgError.
package main

import (
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/lib/pq"
)

func main() {
	db, err := sql.Open("postgres", os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	var id, status string
	insert := `insert into task_queue (task_type, payload) values ($1, $2) returning id`
	if err := db.QueryRow(insert, "toy.set", `{"row_id": 50, "value": "from go"}`).Scan(&id); err != nil {
		log.Fatal(err)
	}
	if err := db.QueryRow(`select status from task_queue where id = $1`, id).Scan(&status); err != nil {
		log.Fatal(err)
	}
	fmt.Println(id, status)

	ask := `select id from enqueue_task($1, $2, dedupe_key => $3)`
	err = db.QueryRow(ask, "toy.set", `{"row_id": 51}`, "go 51").Scan(&id)
	var refused *pq.Error
	if errors.As(err, &refused) && refused.Code == "RM002" {
		fmt.Println(refused.Code, refused.Message)
	} else {
		log.Fatal("the missing key was not refused: ", err)
	}
}
