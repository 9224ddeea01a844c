using Mcp.EndToEnd.Harness;
using TUnit.Core.Interfaces;

[assembly: ParallelLimiter<EndToEndLimit>]

namespace Mcp.EndToEnd.Harness;

/// <summary>Every test starts whole machines or fleets: more at once than this, and their time limits measure this machine instead of the program.</summary>
internal sealed record EndToEndLimit : IParallelLimit
{
    /// <inheritdoc/>
    public int Limit => 4;
}
