package lot

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/database"
	"jianbiao/internal/evidence"
)

// Retender makes a new draft of a lot that failed or was terminated (重新招标;
// 招标投标法 28), in the same project, with its document's parameters and files.
// Each lot is tendered again at most once; the next time it is the new one's
// turn. Errors: lot.never_published, lot.retendered_already, lot.state.
func (s *Service) Retender(ctx context.Context, who actor.Actor, id string) (*Lot, error) {
	old, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if old.PublishedAt == nil && !old.HostedBy(who) {
		return nil, ErrNotFound()
	}
	if err := authorise(old, who); err != nil {
		return nil, err
	}
	if _, err := Table.Next(old.State, "retender", who.Role, facts(old, who, old.UpdatedAt)); err != nil {
		return nil, err
	}
	doc, err := s.Document(ctx, id)
	if err != nil {
		return nil, err
	}
	files, err := s.copyFiles(ctx, doc.Files)
	if err != nil {
		return nil, err
	}
	next := uuid.NewString()
	err = s.store.Change(ctx, func(tx *evidence.Tx) error {
		l, row, err := s.lock(ctx, tx, who, id, "retender")
		if err != nil {
			return err
		}
		return s.retender(ctx, tx, who, l, next, doc.Params, files, row.Emit)
	})
	if err != nil {
		s.forget(ctx, files)
		return nil, err
	}
	return s.Get(ctx, next)
}

// copyFiles stores the files again under new names: each lot has its own.
func (s *Service) copyFiles(ctx context.Context, files []File) ([]File, error) {
	out := make([]File, 0, len(files))
	for _, f := range files {
		r, err := s.files.Open(ctx, f.ID)
		if err != nil {
			s.forget(ctx, out)
			return nil, fmt.Errorf("copy file of the document: %w", err)
		}
		f.ID = uuid.NewString()
		_, err = s.files.Put(ctx, f.ID, r)
		_ = r.Close()
		if err != nil {
			s.forget(ctx, out)
			return nil, fmt.Errorf("copy file of the document: %w", err)
		}
		out = append(out, f)
	}
	return out, nil
}

func (s *Service) forget(ctx context.Context, files []File) {
	for _, f := range files {
		_ = s.files.Delete(context.WithoutCancel(ctx), f.ID)
	}
}

func (s *Service) retender(ctx context.Context, tx *evidence.Tx, who actor.Actor, old *Lot, id string, p Params, files []File, kind string) error {
	var lots int
	if err := tx.GetContext(ctx, &lots, `SELECT count(*) FROM lot WHERE project_id = (SELECT id FROM project WHERE id = $1 FOR UPDATE)`, old.ProjectID); err != nil {
		return fmt.Errorf("count lots: %w", err)
	}
	l := &Lot{ID: id, Project: old.Project, ProjectID: old.ProjectID, Code: fmt.Sprintf("%s-%02d", old.Project.Code, lots+1), Name: old.Name,
		Estimate: old.Estimate, Attempt: old.Attempt + 1}
	_, err := tx.ExecContext(ctx, `INSERT INTO lot (id, project_id, code, name, state, estimate, predecessor_id, attempt, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)`, l.ID, l.ProjectID, l.Code, l.Name, Table.Initial, l.Estimate, old.ID, l.Attempt, tx.Now())
	switch {
	case database.Violates(err, "lot_predecessor_unique"):
		return apperr.New(apperr.Precondition, "lot.retendered_already", "这个标段已经重新招标：请打开后一次招标的标段。")
	case err != nil:
		return fmt.Errorf("create lot: %w", err)
	}
	for _, f := range files {
		if _, err := tx.ExecContext(ctx, `INSERT INTO document_file (id, lot_id, name, media, size, sm3) VALUES ($1, $2, $3, $4, $5, $6)`,
			f.ID, l.ID, f.Name, f.Media, f.Size, f.SM3); err != nil {
			return fmt.Errorf("copy file: %w", err)
		}
	}
	doc, err := writeDocument(ctx, tx, l, p, nil, nil)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE lot SET document_version = $1, price_ceiling = $2 WHERE id = $3`, doc.Version, optionalAmount(p.PriceCeiling), l.ID); err != nil {
		return fmt.Errorf("set document: %w", err)
	}
	tx.Record(evidence.Draft{Stream: l.Stream(), Kind: "lot.created", Actor: who, Fields: map[string]any{
		"project": l.ProjectID, "code": l.Code, "name": l.Name, "estimate": l.Estimate.String(), "predecessor": old.ID, "attempt": l.Attempt}})
	tx.Record(evidence.Draft{Stream: l.Stream(), Kind: "tender.doc_drafted", Actor: who, Fields: map[string]any{
		"version": doc.Version, "digest": doc.Digest, "params": p}})
	tx.Record(evidence.Draft{Stream: old.Stream(), Kind: kind, Actor: who, Fields: map[string]any{"successor": l.ID, "code": l.Code, "attempt": l.Attempt}})
	return nil
}

// Relative is a lot before or after in a line of re-tenders.
type Relative struct {
	ID      string `db:"id" json:"id"`
	Code    string `db:"code" json:"code"`
	Attempt int    `db:"attempt" json:"attempt"`
}

// Relatives are the lot that this one tenders again and the one that tenders it
// again, nil where there is none or the actor may not know of it.
func (s *Service) Relatives(ctx context.Context, who actor.Actor, l *Lot) (before, after *Relative, err error) {
	var rows []struct {
		Relative
		Before bool `db:"before"`
	}
	if err := s.store.DB().SelectContext(ctx, &rows, `SELECT id, code, attempt, COALESCE(id = $2, false) AS before FROM lot
		WHERE (id = $2 OR predecessor_id = $1) AND (published_at IS NOT NULL OR $3)`, l.ID, l.PredecessorID, l.HostedBy(who)); err != nil {
		return nil, nil, fmt.Errorf("read related lots: %w", err)
	}
	for i := range rows {
		if rows[i].Before {
			before = &rows[i].Relative
		} else {
			after = &rows[i].Relative
		}
	}
	return before, after, nil
}
