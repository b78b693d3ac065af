package database

// FindBinaries and SocketOf are open to the tests of this package only.
var FindBinaries = findBinaries

// MinMajor is the oldest major version that is started.
const MinMajor = minMajor

// SocketOf is the folder of a server's socket.
func SocketOf(s *Server) string { return s.own.socket }

// AccountOf is the name of the account that PostgreSQL runs under.
func AccountOf(s *Server) string { return s.own.who.name }
