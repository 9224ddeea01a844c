namespace Mcp.Transport;

/// <summary>The rules of grpc.health.v1, which every role serves to callers that it knows.</summary>
internal static class HealthMethods
{
    /// <summary>Full name of the service.</summary>
    public const string Service = "grpc.health.v1.Health";

    /// <summary>One for each method.</summary>
    public static readonly IReadOnlyList<MethodRule> Rules =
    [
        new($"{Service}/Check", Access.Known),
        new($"{Service}/Watch", Access.Known),
    ];
}
