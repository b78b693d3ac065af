package seal

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"jianbiao/internal/canon"

	"github.com/emmansun/gmsm/sm3"
)

// Input is all that Seal needs.
type Input struct {
	Lot             string
	DocumentVersion string
	CutoffKey       PublicKey // 截标密钥 of the lot
	OpeningKey      PublicKey // 开标密钥 of the tender
	Deadline        time.Time
	Sealer          string // name and version of the program that seals; "" is Sealer
	Kind            Kind
	Number          int        // 1, and one more for each replacement or withdrawal
	Replaces        string     // digest of the envelope replaced
	OneTime         PrivateKey // made with the first envelope, kept for its successors
	Bidder          PrivateKey // made on this machine for this bid
	Owner           Owner      // for a bid
	Firm            Signer     // signs the owner section for the firm
	Signatory       Signer     // signs it as legal representative or agent
	Sections        []SectionInput
	Encrypt         Encrypt // of chunks; nil is EncryptHere
	MinSize         int64   // pad at least to this size's class, so that a withdrawal looks like a bid
}

// Sealer names this package as the program that sealed.
const Sealer = "jianbiao-sealer/1.0.0"

// Sealed is what Seal made.
type Sealed struct {
	Digest       string // of the whole file
	HeaderDigest string
	Size         int64
	Header       Header
}

// Seal writes one envelope to w. It reads each file twice: once for the digests
// that are signed, once to encrypt; a file that changes in between is
// ErrFileChanged, input that breaks a rule ErrInput. progress may be nil; it is
// called with bytes of file done and in all, over both passes. On an error w
// holds the useless beginning of an envelope.
func Seal(w io.Writer, in Input, progress func(done, total int64)) (Sealed, error) {
	j, err := plan(in, newProgress(in, progress))
	if err != nil {
		return Sealed{}, err
	}
	sum, err := j.header.sum()
	if err != nil {
		return Sealed{}, err
	}
	out := newSink(w)
	err = j.write(out, sum)
	if closeErr := out.close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return Sealed{}, err
	}
	return Sealed{Digest: out.digest.Sum(), HeaderDigest: digestText(sum), Size: out.digest.Size(), Header: j.header}, nil
}

func newProgress(in Input, report func(done, total int64)) func(int64) {
	var done, total int64
	for _, s := range in.Sections {
		for _, f := range s.Files {
			total += 2 * f.Size
		}
	}
	return func(n int64) {
		done += n
		if report != nil {
			report(done, total)
		}
	}
}

// job is an envelope whose header is complete.
type job struct {
	in     Input
	header Header
	plain  []plainSection
	keys   [][]byte
	class  int
	size   int64
	moved  func(int64)
}

func plan(in Input, moved func(int64)) (*job, error) {
	if in.Sealer == "" {
		in.Sealer = Sealer
	}
	if in.Encrypt == nil {
		in.Encrypt = EncryptHere
	}
	if err := checkInput(in); err != nil {
		return nil, err
	}
	nonce := make([]byte, partSize)
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("seal: randomness: %w", err)
	}
	j := &job{in: in, moved: moved, header: Header{
		V: Version, Kind: in.Kind, Lot: in.Lot, DocumentVersion: in.DocumentVersion, OpeningKey: in.OpeningKey,
		Deadline: in.Deadline.UTC().Format(time.RFC3339), Suite: Suite, Sealer: in.Sealer, Nonce: b64.EncodeToString(nonce),
		Number: in.Number, Replaces: in.Replaces, OneTimeKey: in.OneTime.Public(), Sections: []Section{},
	}}
	if in.Kind == KindBid {
		if err := j.prepare(nonce); err != nil {
			return nil, err
		}
	}
	if err := j.lay(); err != nil {
		return nil, err
	}
	if err := CheckStructure(j.header, j.size); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	return j, nil
}

func checkInput(in Input) error {
	bid := in.Kind == KindBid
	rules := []struct {
		ok   bool
		what string
	}{
		{!in.CutoffKey.IsZero() && !in.OpeningKey.IsZero(), "cut-off or opening key"},
		{!in.OneTime.IsZero(), "one-time key"},
		{!bid || !in.Bidder.IsZero(), "bidder key"},
		{!bid || in.Firm != nil && in.Signatory != nil, "signers"},
		{bid == (len(in.Sections) > 0), "sections"},
		{len(in.Sections) < MaxSections, "too many sections"},
		{in.Deadline.Nanosecond() == 0, "deadline in whole seconds"},
		{in.MinSize <= MaxSize, "minimum size"},
	}
	for _, r := range rules {
		if !r.ok {
			return fmt.Errorf("%s: %w", r.what, ErrInput)
		}
	}
	if bid && (in.Bidder.Public() == in.Firm.Public() || in.Bidder.Public() == in.Signatory.Public()) {
		return ErrSigningKey
	}
	for _, s := range in.Sections {
		if !isSectionName(s.Name) || s.Name == OwnerSection || len(s.Files) > MaxFiles {
			return fmt.Errorf("section %q with %d files: %w", s.Name, len(s.Files), ErrInput)
		}
	}
	return nil
}

// prepare digests the sections, has the owner sign the digests, and makes keys.
func (j *job) prepare(nonce []byte) error {
	o := j.in.Owner
	o.Lot, o.DocumentVersion, o.Nonce, o.Number = j.header.Lot, j.header.DocumentVersion, j.header.Nonce, j.header.Number
	o.Sections = map[string]string{}
	j.plain = make([]plainSection, 1, len(j.in.Sections)+1)
	for _, s := range j.in.Sections {
		p, err := prepare(nonce, s, j.moved)
		if err != nil {
			return err
		}
		j.plain = append(j.plain, p)
		o.Sections[p.name] = p.digest
	}
	o, err := o.sign(j.in.Firm, j.in.Signatory)
	if err != nil {
		return err
	}
	form, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("seal: owner: %w", err)
	}
	if j.plain[0], err = prepare(nonce, SectionInput{Name: OwnerSection, Form: form}, j.moved); err != nil {
		return err
	}
	for _, p := range j.plain {
		if err := j.makeKey(nonce, p); err != nil {
			return err
		}
	}
	return nil
}

// makeKey makes the parts of one section's key, wraps and commits to them.
func (j *job) makeKey(nonce []byte, p plainSection) error {
	parts := make([]byte, 2*partSize)
	if _, err := rand.Read(parts); err != nil {
		return fmt.Errorf("seal: randomness: %w", err)
	}
	tender, bidder := parts[:partSize], parts[partSize:]
	s := Section{Name: p.name, Parts: PartsBoth, Digest: p.digest, Size: p.size, Stored: storedSize(p.size)}
	capsule, ephemeral, err := wrap(rand.Reader, j.in.OpeningKey, tender)
	if err != nil {
		return err
	}
	s.WrapTender = b64.EncodeToString(capsule)
	s.CommitTender = commitment(nonce, p.name, RoleTender, tender)
	if s.ProofTender, err = ephemeral.Sign(TagCapsule, capsuleContext(nonce, p.name, j.in.OpeningKey, capsule)); err != nil {
		return err
	}
	if p.name == OwnerSection {
		s.Parts, bidder = PartsTender, nil
	} else {
		capsule, _, err := wrap(rand.Reader, j.in.Bidder.Public(), bidder)
		if err != nil {
			return err
		}
		s.WrapBidder = b64.EncodeToString(capsule)
		s.CommitBidder = commitment(nonce, p.name, RoleBidder, bidder)
	}
	j.keys = append(j.keys, sectionKey(nonce, p.name, s.Parts, tender, bidder))
	j.header.Sections = append(j.header.Sections, s)
	return nil
}

// lay finds the smallest header class, sets the offsets, and signs.
func (j *job) lay() error {
	for j.class = 0; j.class <= headerClass; j.class++ {
		end := headerEnd(j.class)
		for i := range j.header.Sections {
			j.header.Sections[i].Offset = end
			end += j.header.Sections[i].Stored
		}
		if end > MaxSize {
			return fmt.Errorf("envelope of %d bytes: %w", end, ErrInput)
		}
		j.size = SizeClass(max(end, j.in.MinSize))
		if j.header.Number > 1 {
			msg, err := j.header.unsigned()
			if err != nil {
				return err
			}
			if j.header.PreviousSignature, err = j.in.OneTime.Sign(TagReplacement, msg); err != nil {
				return err
			}
		}
		raw, err := canon.Marshal(j.header)
		if err != nil {
			return fmt.Errorf("header: %w: %w", ErrInput, err)
		}
		if 4+len(raw)+tagSize <= headerUnit<<j.class {
			return nil
		}
	}
	return fmt.Errorf("header too large: %w", ErrInput)
}

func (j *job) write(out *sink, aad []byte) error {
	head, err := j.sealHeader()
	if err != nil {
		return err
	}
	if err := out.write(head); err != nil {
		return err
	}
	for i, p := range j.plain {
		c := &chunkWriter{sink: out, encrypt: j.in.Encrypt, key: j.keys[i], aad: aad, count: chunks(p.size)}
		if err := p.writeTo(c, j.moved); err != nil {
			return err
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
	end, err := checkLayout(j.header)
	if err != nil {
		return err
	}
	return out.pad(j.size-end, rand.Reader)
}

// sealHeader makes prefix and sealed header.
func (j *job) sealHeader() ([]byte, error) {
	raw, err := canon.Marshal(j.header)
	if err != nil {
		return nil, fmt.Errorf("header: %w: %w", ErrInput, err)
	}
	secret := make([]byte, partSize)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("seal: randomness: %w", err)
	}
	capsule, _, err := wrap(rand.Reader, j.in.CutoffKey, secret)
	if err != nil {
		return nil, err
	}
	prefix := append(append([]byte(magic), suiteSM, byte(j.class)), capsule...)
	block := make([]byte, headerUnit<<j.class-tagSize)
	binary.BigEndian.PutUint32(block, uint32(len(raw)))
	copy(block[4:], raw)
	aead, err := newAEAD(headerKey(secret, prefix))
	if err != nil {
		return nil, err
	}
	return aead.Seal(prefix, make([]byte, nonceSize), block, prefix[:PrefixSize:PrefixSize]), nil
}

func headerKey(secret, prefix []byte) []byte {
	z := message("jianbiao/envelope/header-key/v1", secret)
	return sm3.Kdf(append(z, prefix...), keySize)
}
