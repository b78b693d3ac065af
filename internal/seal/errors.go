package seal

import (
	"errors"
	"fmt"

	"jianbiao/internal/apperr"
)

// What can be wrong with an envelope, a part of a key, a receipt. Each has a
// stable code and a Chinese sentence for people; errors.Is tells them apart.
// The text wrapped around them is for the log.
var (
	// ErrInput: what was given to Seal, or to a key's parser, cannot be used.
	ErrInput = apperr.New(apperr.Invalid, "seal.input", "封装所需的内容不完整或不合规定，请按提示改正后重新封装。")
	// ErrSigningKey: the key that should wrap the bidder's parts is one that signs. It is made for the bid, on this machine.
	ErrSigningKey = apperr.New(apperr.Invalid, "seal.signing_key", "数字证书或签名的密钥不能用来密封：CA 的加密证书私钥由密钥中心生成，不能用来密封；解密私钥应由投标工具在本机为这份投标生成。")
	// ErrFileChanged: a file was changed while it was being sealed.
	ErrFileChanged = apperr.New(apperr.Conflict, "seal.file_changed", "封装过程中有文件被改动或读取不完整。请关闭正在编辑的文件，重新封装。")
	// ErrNotEnvelope: these bytes are not a bid envelope of a version and suite we know.
	ErrNotEnvelope = apperr.New(apperr.Invalid, "seal.not_envelope", "这不是本平台格式的加密投标文件，或其格式版本不被支持。")
	// ErrNotMine: the header is not sealed to this cut-off key: another lot's envelope.
	ErrNotMine = apperr.New(apperr.NotFound, "seal.not_mine", "该加密投标文件不是投给本标段的。")
	// ErrHeader: the header opened, and it breaks the format.
	ErrHeader = apperr.New(apperr.Invalid, "seal.header", "加密投标文件的信封信息不符合格式规定，请用本平台的投标工具重新封装。")
	// ErrReplacement: a replacement or withdrawal that does not follow from what it replaces.
	ErrReplacement = apperr.New(apperr.Conflict, "seal.replacement", "替换或撤回的签名、序号或所替换文件的摘要不符，未予接受。")
	// ErrPartMismatch: a part of a key is not the one committed to; see PartError for whose.
	ErrPartMismatch = apperr.New(apperr.Precondition, "seal.part_mismatch", "提交的解密分量与回执中的承诺不一致。")
	// ErrPartial: a holder's partial decryption is not a point, or there are too few or too many.
	ErrPartial = apperr.New(apperr.Precondition, "seal.partial", "解密方给出的部分解密结果无效或数量不符。")
	// ErrCapsule: a holder's partial is proven right, and the capsule does not open with it.
	ErrCapsule = apperr.New(apperr.Precondition, "seal.capsule", "投标文件中封装的招标方分量无法解开，系制作投标文件时产生的错误。")
	// ErrTruncated: the stored file ends too early.
	ErrTruncated = apperr.New(apperr.Precondition, "seal.truncated", "加密投标文件不完整，文件末尾有缺失。")
	// ErrStoredDamaged: a chunk does not authenticate although the parts match their commitments.
	ErrStoredDamaged = apperr.New(apperr.Precondition, "seal.stored_damaged", "加密投标文件的内容校验未通过，数据已被改动或损坏。")
	// ErrPlainDigest: what came out is not what was promised by digest.
	ErrPlainDigest = apperr.New(apperr.Precondition, "seal.plain_digest", "解密后的内容与封装时登记的摘要不一致。")
	// ErrContents: what came out authenticates, and its index breaks the format.
	ErrContents = apperr.New(apperr.Invalid, "seal.contents", "解密后的内容不符合投标文件格式规定。")
	// ErrNoSection: the envelope has no section of this name.
	ErrNoSection = apperr.New(apperr.NotFound, "seal.no_section", "加密投标文件中没有这一部分。")
	// ErrOwner: the owner section's signatures or digests do not fit this envelope.
	ErrOwner = apperr.New(apperr.Invalid, "seal.owner", "投标人签名或签署内容与该投标文件不符。")
	// ErrSignature: a signature does not verify.
	ErrSignature = apperr.New(apperr.Forbidden, "seal.signature", "签名校验未通过。")
	// ErrReceipt: a receipt is not signed by the platform keys given, or speaks of another envelope.
	ErrReceipt = apperr.New(apperr.Invalid, "seal.receipt", "回执校验未通过：签名不是本平台的，或内容与投标文件不符。")
)

// PartError says which part of which section does not match its commitment. A
// false bidder part is the bidder's doing, a false tender part its holder's.
type PartError struct {
	Section string
	Role    Role
}

// Error is for the log.
func (e *PartError) Error() string {
	return fmt.Sprintf("part %s of section %s does not match its commitment", e.Role, e.Section)
}

// Unwrap makes errors.Is(err, ErrPartMismatch) true.
func (e *PartError) Unwrap() error { return ErrPartMismatch }

// Cause is who answers for an envelope that does not open (trust rules: decided
// by proof, not by opinion).
type Cause string

// The causes. CauseNone: it opened.
const (
	CauseNone     Cause = ""
	CauseBidder   Cause = "bidder"   // 投标人: its part is not the committed one
	CausePlatform Cause = "platform" // 平台: the stored file is not the one receipted
	CauseHolder   Cause = "holder"   // 解密方: the tender's part came out false
	CauseSealer   Cause = "sealer"   // 封装工具: all parts and digests right, and it still fails
)

// Attribute decides who answers for the error that opening a section gave.
// storedIntact says whether the digest of the stored file equals the receipt's;
// it MUST have been computed over the very bytes that were opened. What is no
// fault of the envelope (a disk that cannot be read, the caller's own error) is
// the platform's.
func Attribute(err error, storedIntact bool) Cause {
	if err == nil {
		return CauseNone
	}
	if !storedIntact {
		return CausePlatform
	}
	var part *PartError
	if errors.As(err, &part) {
		return causeOfPart[part.Role]
	}
	for _, known := range causes {
		if errors.Is(err, known.err) {
			return known.cause
		}
	}
	return CausePlatform
}

var causeOfPart = map[Role]Cause{RoleBidder: CauseBidder, RoleTender: CauseHolder}

// causes: what can only have come about before the envelope was handed in is its
// sealer's, but for the signatures, which are the bidder's own.
var causes = []struct {
	err   error
	cause Cause
}{
	{ErrPartial, CauseHolder},
	{ErrOwner, CauseBidder},
	{ErrCapsule, CauseSealer},
	{ErrTruncated, CauseSealer},
	{ErrStoredDamaged, CauseSealer},
	{ErrPlainDigest, CauseSealer},
	{ErrContents, CauseSealer},
	{ErrNoSection, CauseSealer},
	{ErrHeader, CauseSealer},
}
