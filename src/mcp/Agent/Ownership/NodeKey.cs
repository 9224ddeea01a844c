using System.Security.Cryptography;
using Mcp.Errors;
using Mcp.Files;

namespace Mcp.Agent.Ownership;

/// <summary>The node's own 32 bytes: they sign markers and blind digests of env files. Made once, never leaves the node.</summary>
internal sealed class NodeKey
{
    private readonly byte[] _bytes;

    /// <summary>Wraps 32 bytes.</summary>
    public NodeKey(byte[] bytes) => _bytes = bytes.Length == 32 ? bytes : throw new ArgumentException("32 bytes are needed", nameof(bytes));

    /// <summary>The key.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Reads the key, or makes it at the very first start; durable before it is used.</summary>
    /// <exception cref="McpException">The file is open to others or damaged.</exception>
    public static NodeKey OpenOrCreate(string path)
    {
        if (!File.Exists(path))
            DurableFile.Write(path, RandomNumberGenerator.GetBytes(32), DurableFile.Secret);
        var bytes = SecretFile.Read(path);
        return bytes.Length == 32
            ? new NodeKey(bytes)
            : throw new McpException(FaultCode.DataLoss, $"the node's key {path} has {bytes.Length} bytes instead of 32")
            {
                Hint = $"put the file back from a backup; without it every service needs mcp data accept once (rm {path})",
            };
    }
}
