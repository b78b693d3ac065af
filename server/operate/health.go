package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"database/sql"

	"jianbiao/internal/database"
)

// Health is the page of the platform's health (平台运行状况).
type Health struct {
	At        time.Time `json:"at"`
	Version   string    `json:"version"`
	Started   time.Time `json:"started"`
	MemoryMiB int64     `json:"memoryMiB"`
	Ready     Readiness `json:"readiness"`
	Database  Database  `json:"database"`
	Disk      Disk      `json:"disk"`
	Clock     Clock     `json:"clock"`
	Sockets   int       `json:"sockets" doc:"rounded up to tens"`
	Requests  int64     `json:"requests" doc:"since the start; routes of sealed bids, vaults and halls are not counted"`
	Jobs      []Job     `json:"jobs"`
	Outages   []Outage  `json:"outages"`
	Backup    Backup    `json:"backup"`
	Warnings  []Warning `json:"warnings"`
}

// Database is how PostgreSQL does.
type Database struct {
	OK           bool    `json:"ok"`
	Own          bool    `json:"own" doc:"run by the program itself"`
	Version      string  `json:"version"`
	Milliseconds float64 `json:"milliseconds" doc:"of a question"`
	Schema       int64   `json:"schema"`
	SizeGiB      float64 `json:"sizeGiB" doc:"in steps of a quarter"`
	Open         int     `json:"open"`
	Most         int     `json:"most"`
	Waited       int64   `json:"waited"`
}

// Job is a line of the timetable.
type Job struct {
	Name   string     `json:"name"`
	Label  string     `json:"label"`
	Spec   string     `json:"spec"`
	Last   *time.Time `json:"last"` // on this server
	Next   *time.Time `json:"next"`
	Failed bool       `json:"failed"`
	Error  string     `json:"error"`
}

// Outage is a time in which the platform was away while a hall was open.
type Outage struct {
	From    time.Time `json:"from" db:"from_at"`
	Until   time.Time `json:"until" db:"until_at"`
	Seconds int64     `json:"seconds" db:"seconds"`
}

// Backup is when the last backup was made, and whether the last attempt failed.
type Backup struct {
	At     *time.Time `json:"at"`
	Failed *time.Time `json:"failed"`
	Error  string     `json:"error"`
}

// Warning is something to act on.
type Warning struct {
	Code   string `json:"code"`
	Detail string `json:"detail"` // a Chinese sentence
}

// jobLabels are the Chinese names of the jobs.
var jobLabels = map[string]string{"openings": "推进开标", "heartbeat": "心跳与中断检查", "sweep": "清理过期会话", "uploads": "清理未完成的上传"}

// freshFor is how long a look at everything is good for.
const freshFor = time.Second

// look gives the health, at most freshFor old.
func (o *Operator) look(ctx context.Context) *Health {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last != nil && time.Since(o.lastAt) < freshFor {
		return o.last
	}
	o.last, o.lastAt = o.examine(ctx), time.Now()
	return o.last
}

func (o *Operator) examine(ctx context.Context) *Health {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	h := &Health{At: time.Now(), Version: o.d.Version, Started: o.started, MemoryMiB: memory(), Ready: o.Ready(ctx),
		Jobs: []Job{}, Outages: []Outage{}, Warnings: []Warning{}}
	h.Disk, _, _ = o.disk() // readiness says so
	if o.d.Viewers != nil {
		h.Sockets = crowd(o.d.Viewers())
	}
	_, sums := o.traffic.snapshot()
	for _, s := range sums {
		h.Requests += s.count
	}
	o.jobs(h)
	if err := o.examineDatabase(ctx, h); err != nil {
		h.warn("database", "数据库连接不上：平台会自动重连；持续一分钟以上时，请查看数据库日志和磁盘空间。")
	}
	h.judge()
	return h
}

func (h *Health) warn(code, format string, args ...any) {
	h.Warnings = append(h.Warnings, Warning{code, fmt.Sprintf(format, args...)})
}

func (o *Operator) jobs(h *Health) {
	if o.d.Jobs == nil {
		return
	}
	for _, line := range o.d.Jobs() {
		j := Job{Name: line.Name, Label: jobLabels[line.Name], Spec: line.Spec, Last: line.Last, Next: line.Next}
		if line.Err != nil {
			j.Failed, j.Error = true, "上一次没有成功，原因见运行日志。" // the text of an error may name a lot
		}
		if j.Label == "" {
			j.Label = line.Name
		}
		h.Jobs = append(h.Jobs, j)
	}
}

func (o *Operator) examineDatabase(ctx context.Context, h *Health) error {
	began := time.Now()
	var row struct {
		Version string `db:"version"`
		Size    int64  `db:"size"`
	}
	if err := o.d.DB.GetContext(ctx, &row, `SELECT split_part(current_setting('server_version'), ' ', 1) AS version, pg_database_size(current_database()) AS size`); err != nil {
		return fmt.Errorf("ask the database: %w", err)
	}
	stats := o.d.DB.Stats()
	h.Database = Database{OK: true, Version: row.Version, Milliseconds: round(float64(time.Since(began).Microseconds()) / 1000),
		SizeGiB: float64(row.Size>>28) / 4, Open: stats.OpenConnections, Most: stats.MaxOpenConnections, Waited: stats.WaitCount,
		Own: o.d.PID != nil && o.d.PID() != 0}
	var err error
	if h.Database.Schema, err = database.SchemaVersion(ctx, o.d.DB); err != nil {
		return err
	}
	if h.Clock, err = o.clock(ctx); err != nil {
		return err
	}
	if err := o.d.DB.SelectContext(ctx, &h.Outages, `SELECT from_at, until_at, CAST(EXTRACT(EPOCH FROM until_at - from_at) AS bigint) AS seconds
		FROM (SELECT DISTINCT from_at, until_at FROM opening_pause WHERE outage AND until_at IS NOT NULL) p ORDER BY from_at DESC LIMIT 10`); err != nil {
		return fmt.Errorf("read the outages: %w", err)
	}
	return o.backup(ctx, h)
}

func (o *Operator) backup(ctx context.Context, h *Health) error {
	var row struct {
		At    time.Time `db:"started_at"`
		Ended time.Time `db:"ended_at"`
		Done  int       `db:"done"`
		Error *string   `db:"error"`
	}
	err := o.d.DB.GetContext(ctx, &row, `SELECT started_at, ended_at, done, error FROM job_run WHERE job = 'backup'`)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read when the last backup was made: %w", err)
	}
	if row.Error == nil || row.At.Before(row.Ended) {
		h.Backup.At = &row.At
	}
	if row.Error != nil {
		h.Backup.Failed, h.Backup.Error = &row.Ended, "上一次备份没有成功，原因见备份命令的输出。"
	}
	return nil
}

// stale is the age at which a backup is old.
const stale = 26 * time.Hour

// judge writes what the operator has to act on.
func (h *Health) judge() {
	if h.Disk.TotalGiB > 0 && h.Disk.FreeGiB < warnFree>>30 {
		h.warn("disk", "磁盘只剩 %d GB：请清理或扩容，低于 1 GB 时平台停止接收新的文件。", h.Disk.FreeGiB)
	}
	if h.Ready.Checks["keys"] != "ok" {
		h.warn("keys", "密钥目录读不出：没有密钥就不能接收和打开投标文件，请检查数据目录下 keys 的权限。")
	}
	if h.Clock.BehindSeconds > maxOffset.Seconds() {
		h.warn("clock_back", "服务器的时钟被调慢了：授时停在已经到过的时间等它，不会倒退。还差 %d 秒；请检查时间同步（chrony 或 NTP）。", int64(h.Clock.BehindSeconds))
	}
	if o := h.Clock.OffsetSeconds; o > maxOffset.Seconds() || o < -maxOffset.Seconds() {
		h.warn("clock_offset", "本机与数据库的时钟相差 %.1f 秒：请检查两边的时间同步。", o)
	}
	for _, j := range h.Jobs {
		if j.Failed {
			h.warn("job", "任务“%s”上一次没有成功：它会再试，请查看运行日志。", j.Label)
		}
	}
	switch {
	case !h.Database.OK:
	case h.Backup.At == nil:
		h.warn("backup_none", "还没有备份过：请用 jianbiao backup 每天备份，并定期试恢复。")
	case h.At.Sub(*h.Backup.At) > stale:
		h.warn("backup_old", "上一次备份已经超过一天：请检查备份任务。")
	}
	if h.Backup.Failed != nil {
		h.warn("backup_failed", "上一次备份没有成功：请重新备份。")
	}
}

// Health gives the page of the platform's health, at most a second old.
func (o *Operator) Health(ctx context.Context) *Health { return o.look(ctx) }
