package rehearse

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/xuri/excelize/v2"

	"jianbiao/internal/seal"
	"jianbiao/reports/pdf"
)

// papers are the real files of a bid: two PDF volumes and a priced bill of
// quantities (已标价工程量清单) whose lines add up to the price.
func papers(firm, project string, price int64, now time.Time) (map[string][]seal.FileInput, error) {
	qualification, err := volume("资格审查资料", firm, project, now, []string{"一、营业执照与资质证书", "二、安全生产许可证", "三、类似工程业绩", "四、项目负责人证书与业绩"})
	if err != nil {
		return nil, err
	}
	technical, err := volume("施工组织设计", firm, project, now, []string{"一、工程概况与编制依据", "二、施工总体部署", "三、主要分部分项工程施工方案", "四、质量保证措施",
		"五、安全文明施工措施", "六、进度计划与保证措施", "七、资源配置计划", "八、环境保护与扬尘治理"})
	if err != nil {
		return nil, err
	}
	bill, err := billOfQuantities(price)
	if err != nil {
		return nil, err
	}
	return map[string][]seal.FileInput{
		"qualification": {file("资格审查资料.pdf", "application/pdf", qualification)},
		"technical":     {file("施工组织设计.pdf", "application/pdf", technical)},
		"price":         {file("已标价工程量清单.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", bill)},
	}, nil
}

func file(name, media string, content []byte) seal.FileInput {
	return seal.FileInput{Name: name, Media: media, Size: int64(len(content)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

const sample = "本章按招标文件的要求编制，结合现场踏勘、设计图纸和同类工程的经验，对人员、机械、材料的投入和各道工序的衔接作出安排，并说明质量、安全、进度的控制要点和检验方法。"

func volume(title, firm, project string, now time.Time, chapters []string) ([]byte, error) {
	d := pdf.New(pdf.Frame{Kind: title, Lot: project, Number: "投标文件", Author: firm, Issued: now})
	d.Title(pdf.TitleBlock{Title: title})
	d.Paragraph("投标人：" + firm)
	for i, c := range chapters {
		d.Heading(c)
		for j := range 6 {
			d.Paragraph(fmt.Sprintf("%d.%d %s", i+1, j+1, sample))
		}
	}
	var out bytes.Buffer
	err := d.Write(&out)
	return out.Bytes(), err
}

// billOfQuantities spreads the price (元) over some lines of a workbook.
func billOfQuantities(price int64) ([]byte, error) {
	f := excelize.NewFile()
	defer func() { _ = f.Close() }()
	const sheet, lines = "Sheet1", 40
	rows := [][]any{{"序号", "项目编码", "项目名称", "单位", "工程量", "综合单价（元）", "合价（元）"}}
	left := price
	for i := range int64(lines) {
		amount := price / lines
		if i == lines-1 {
			amount = left
		}
		left -= amount
		rows = append(rows, []any{i + 1, "0101010" + strconv.FormatInt(1000+i, 10), fmt.Sprintf("分部分项工程 %d", i+1), "m³", 1, amount, amount})
	}
	rows = append(rows, []any{"", "", "合计", "", "", "", price})
	for i, row := range rows {
		cell, err := excelize.CoordinatesToCellName(1, i+1)
		if err != nil {
			return nil, err
		}
		if err := f.SetSheetRow(sheet, cell, &row); err != nil {
			return nil, fmt.Errorf("bill of quantities: %w", err)
		}
	}
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		return nil, fmt.Errorf("bill of quantities: %w", err)
	}
	return out.Bytes(), nil
}
