using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>Definition → spec. Defaults are filled here and nowhere else.</summary>
internal static class SpecBuilder
{
    /// <summary>The spec of a definition, with every default filled.</summary>
    public static ServiceSpec Build(ServiceDefinition definition) => throw new NotImplementedException();

    /// <summary>
    /// A copy of a spec that came over the wire with every default filled; master and agent work only with this. A spec of ours is complete
    /// already and comes back equal. The hash of both is the same.
    /// </summary>
    public static ServiceSpec Complete(ServiceSpec spec) => throw new NotImplementedException();
}
