package pool

var (
	ClassToHold = classToHold
	ClassOfCap  = classOfCap
)

const (
	SlabChunk     = slabChunk
	SlabMaxString = slabMaxString
)
