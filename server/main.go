// Command jianbiao 见标 runs a public tender in the open: the platform itself, and
// the tools with which bidders, hosts and everybody else check it.
package main

import (
	"fmt"
	"io"
	"os"

	"jianbiao/server/admincli"
	"jianbiao/server/backup"
	"jianbiao/server/bench"
	"jianbiao/server/check"
	"jianbiao/server/config"
	"jianbiao/server/deadline"
	"jianbiao/server/platform"
	"jianbiao/server/rehearse"
	"jianbiao/server/sealcli"
)

// command is a subcommand: its arguments, and an exit code.
type command struct {
	name string
	help string
	run  func(args []string, stdout, stderr io.Writer) int
}

var commands = []command{
	{"serve", "启动平台  start the platform (--rehearsal for a rehearsal city)", serve},
	{"admin", "首批管理员  the first three administrators (admin bootstrap)", admincli.Command},
	{"config", "配置文件  check a configuration file (config check)", config.Command},
	{"backup", "备份  back the platform up, also while it runs", backup.Command(platform.Version)},
	{"restore", "恢复  restore a backup into an empty folder", backup.RestoreCommand},
	{"check", "校验  derive again what can be derived, and compare", check.Command(platform.Dictionary)},
	{"rehearse", "演练一次完整的开标  play a whole opening with real clients", rehearse.Command},
	{"deadline", "期限计算  compute a statutory deadline", deadline.Command},
	{"seal", "离线加密投标文件  seal a bid offline", sealcli.Seal},
	{"unseal", "离线打开自己的投标文件  open a bid of one's own", sealcli.Unseal},
	{"bench", "性能对比  measure speed against a peer in the same run", bench.Command},
	{"version", "版本  print the version", version},
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		for _, c := range commands {
			if c.name == args[0] {
				return c.run(args[1:], stdout, stderr)
			}
		}
	}
	out, code := stderr, 2
	if len(args) > 0 && (args[0] == "help" || args[0] == "--help" || args[0] == "-h") {
		out, code = stdout, 0
	}
	fmt.Fprintln(out, "见标 Jianbiao\n\n用法 usage: jianbiao <命令 command> [--help]")
	for _, c := range commands {
		fmt.Fprintf(out, "  %-10s %s\n", c.name, c.help)
	}
	return code
}

func version(_ []string, stdout, _ io.Writer) int {
	fmt.Fprintln(stdout, "jianbiao", platform.Version)
	return 0
}
