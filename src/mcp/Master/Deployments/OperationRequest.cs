using System.Security.Cryptography;
using Google.Protobuf;
using Mcp.Names;

namespace Mcp.Master.Deployments;

/// <summary>A change that somebody asked for.</summary>
/// <param name="Id">Chosen by the caller.</param>
/// <param name="Kind">"deploy", "undeploy", "start", "stop", "restart".</param>
/// <param name="Service">The service.</param>
/// <param name="Principal">Who asked, <c>kind/name</c>.</param>
/// <param name="Message">The request as it came.</param>
internal sealed record OperationRequest(OperationId Id, string Kind, string Service, string Principal, IMessage Message)
{
    /// <summary>What two equal requests share.</summary>
    public string Key { get; } = $"{Kind} {Service} {Convert.ToHexStringLower(SHA256.HashData(Message.ToByteArray()))}";
}
