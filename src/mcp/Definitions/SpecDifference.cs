using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>One field that differs between two specs.</summary>
/// <param name="Path"><c>components.notes.image</c>, <c>components.notes.env.LOG</c>.</param>
/// <param name="Old">"" when it was absent; for environment values a short hash.</param>
/// <param name="New">"" when it is absent; for environment values a short hash.</param>
internal sealed record SpecChange(string Path, string Old, string New);

/// <summary>What differs between two specs of a service, in the order of the definition; safe to print.</summary>
internal static class SpecDifference
{
    /// <summary>Every difference; empty when the specs are equal.</summary>
    public static IReadOnlyList<SpecChange> Between(ServiceSpec before, ServiceSpec after) => throw new NotImplementedException();
}
