using System.Text.Json;
using Google.Protobuf;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Foreign;

/// <summary>What a server answered to a foreign client: the name of a gRPC status code, or "TLS" when no connection came about.</summary>
internal sealed record ForeignAnswer(string Code, string Details, byte[] Message);

/// <summary>Calls a role with gRPC's C core from Debian's python3-grpcio (call.py beside this file), which shares no code with the program.</summary>
internal sealed class ForeignCaller(string address, string root, string identity)
{
    /// <summary>Makes one unary call.</summary>
    /// <param name="method"><c>package.Service/Method</c>.</param>
    /// <param name="request">Its request; null: no bytes.</param>
    /// <param name="credential">A PEM file with key and chain; null: no certificate is presented.</param>
    /// <param name="more">Further arguments of call.py.</param>
    public async Task<ForeignAnswer> CallAsync(string method, IMessage? request = null, string? credential = null, params string[] more)
    {
        using var input = new MemoryStream(System.Text.Encoding.ASCII.GetBytes(Convert.ToHexString(request.ToByteArrayOrNone()) + "\n"));
        var result = (await Shell.RunAsync(
            "/usr/bin/python3", // Debian's own, whose packages deps.sh installs; another one on PATH has other packages
            [
                Repository.PathOf("tests/e2e/Foreign/call.py"), address, root, identity, $"/{method}",
                .. credential is null ? (string[])[] : ["--credential", credential], .. more,
            ],
            input: input)).OrThrow();
        using var answer = JsonDocument.Parse(result.Output);
        string Text(string name) => answer.RootElement.GetProperty(name).GetString() ?? "";
        return new(Text("code"), Text("details"), Convert.FromHexString(Text("hex")));
    }
}

file static class MessageBytes
{
    public static byte[] ToByteArrayOrNone(this IMessage? message) => message is null ? [] : message.ToByteArray();
}
