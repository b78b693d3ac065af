package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"jianbiao/bidding/lot"
	"jianbiao/internal/actor"
	"jianbiao/internal/apperr"
	"jianbiao/internal/upload"
)

const (
	offsetHeader = "Upload-Offset"
	lengthHeader = "Upload-Length"
	digestHeader = "Upload-Digest"
	uploadPath   = "/api/uploads/{id}"
)

// registerUploads adds the routes of chunked uploads. They are silent: an upload
// for a bid would say by its size and its hour who is bidding.
func (t *trade) registerUploads() {
	loaders := Allow(actor.Bidder, actor.Buyer, actor.Agency)
	Register(t.API, Route{Method: http.MethodPost, Path: "/api/uploads", Allow: loaders, Silent: true, Summary: "开始一次可续传的上传",
		Status: http.StatusCreated}, t.createUpload)
	t.Raw(Route{Method: http.MethodHead, Path: uploadPath, Allow: loaders, Silent: true, Summary: "已经收到多少"}, t.headUpload)
	t.Raw(Route{Method: http.MethodPatch, Path: uploadPath, Allow: loaders, Silent: true, Summary: "上传一块", Body: -1,
		Status: http.StatusNoContent}, t.appendUpload)
	Register(t.API, Route{Method: http.MethodDelete, Path: uploadPath, Allow: loaders, Silent: true, Summary: "取消上传",
		Status: http.StatusNoContent}, t.deleteUpload)
}

type createUploadInput struct {
	Body struct {
		Size    int64  `json:"size" minimum:"1" doc:"文件大小，字节"`
		Purpose string `json:"purpose" enum:"bid,file" doc:"bid 密封投标文件；file 招标文件附件"`
		Digest  string `json:"digest,omitempty" maxLength:"80" doc:"整个文件的摘要，sm3: 加 64 位十六进制数；写明则完成时核对"`
	}
}

// UploadView is a begun upload.
type UploadView struct {
	ID      string `json:"id" doc:"只有上传者知道；凭它续传"`
	Offset  int64  `json:"offset"`
	Chunk   int64  `json:"chunk" doc:"建议的每块大小，字节"`
	Expires string `json:"expires" doc:"在这之前可以续传"`
}

type createUploadOutput struct{ Body UploadView }

func (t *trade) createUpload(_ context.Context, who actor.Actor, in *createUploadInput) (*createUploadOutput, error) {
	begin := t.Lots.Announce
	if upload.Purpose(in.Body.Purpose) == upload.Bid {
		begin = t.Submissions.Announce
	}
	id, err := begin(who, in.Body.Size, in.Body.Digest)
	if err != nil {
		return nil, err
	}
	return &createUploadOutput{UploadView{ID: id, Chunk: upload.Chunk, Expires: Stamp(upload.Expires(time.Now()))}}, nil
}

func (t *trade) headUpload(c echo.Context) error {
	st, err := t.Uploads.Stat(c.Param("id"))
	if err != nil {
		return err
	}
	return answerOffset(c, st, http.StatusOK)
}

func answerOffset(c echo.Context, st upload.State, status int) error {
	c.Response().Header().Set(offsetHeader, strconv.FormatInt(st.Offset, 10))
	c.Response().Header().Set(lengthHeader, strconv.FormatInt(st.Size, 10))
	return c.NoContent(status)
}

// appendUpload takes one chunk. A bid is judged as soon as its header is here,
// so that who is too late does not send the rest.
func (t *trade) appendUpload(c echo.Context) error {
	r := c.Request()
	offset, err := strconv.ParseInt(r.Header.Get(offsetHeader), 10, 64)
	if err != nil || offset < 0 {
		return apperr.New(apperr.Invalid, "upload.offset_missing", "没有写明这一块从第几个字节开始（Upload-Offset）：请刷新页面后再试。")
	}
	if r.ContentLength > upload.MaxChunk {
		return apperr.New(apperr.TooLarge, "upload.chunk_too_large", "一次最多传 %d MB：请分成较小的块再传。", upload.MaxChunk>>20)
	}
	id := c.Param("id")
	st, err := t.Uploads.Append(r.Context(), id, offset, r.Header.Get(digestHeader), r.Body)
	if err != nil {
		if apperr.CodeOf(err) == "upload.offset" {
			c.Response().Header().Set(offsetHeader, strconv.FormatInt(st.Offset, 10))
		}
		return err
	}
	if err := t.Submissions.Begin(r.Context(), id); err != nil {
		return err
	}
	return answerOffset(c, st, http.StatusNoContent)
}

type uploadInput struct {
	ID string `path:"id" maxLength:"64"`
}

func (t *trade) deleteUpload(ctx context.Context, _ actor.Actor, in *uploadInput) (*Nothing, error) {
	return nil, t.Uploads.Remove(ctx, in.ID)
}

// fileOfUpload makes a finished upload a file of the lot's document. Asked again
// it gives the same answer; what is refused for good is removed.
func (t *trade) fileOfUpload(ctx context.Context, who actor.Actor, lotID, name, id string) (*lot.File, error) {
	var out *lot.File
	err := t.Uploads.Hold(ctx, id, func(h *upload.Held) error {
		if h.State.Purpose != upload.File {
			return apperr.New(apperr.Invalid, "upload.purpose", "这次上传的是投标文件，不能用作招标文件的附件：请重新上传。")
		}
		if h.State.Answer != nil {
			return json.Unmarshal(h.State.Answer, &out)
		}
		f, err := t.takeFile(ctx, who, lotID, name, h)
		if err != nil {
			if k := apperr.KindOf(err); k == apperr.Invalid || k == apperr.TooLarge {
				_ = h.Remove() // swept in a day if not now
			}
			return err
		}
		out = f
		answer, err := json.Marshal(f)
		if err != nil {
			return err
		}
		_ = h.Finish(answer) // the file is added; the upload is swept in a day if not now
		return nil
	})
	return out, err
}

func (t *trade) takeFile(ctx context.Context, who actor.Actor, lotID, name string, h *upload.Held) (*lot.File, error) {
	if _, err := h.Complete(); err != nil {
		return nil, err
	}
	r, err := h.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return t.Lots.AddFile(ctx, who, lotID, name, "", r)
}
